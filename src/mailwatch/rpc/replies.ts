/** The answers of the backend as they are read by the gate: checked, for what comes over a socket may be anything. */
import type { Answer, FieldProblem, MethodName, Refusal } from './methods.ts';
import { checkReply } from './schemas.ts';

type Members = Readonly<Record<string, unknown>>;

/** The answer in `members`; undefined when it has another form than this method's answers have. */
export function toAnswer<Method extends MethodName>(
  method: Method,
  members: Members,
): Answer<Method> | undefined {
  if (members['ok'] === true) {
    const checked = checkReply(method, members['reply']);
    return checked.ok ? { ok: true, reply: checked.value } : undefined;
  }
  const refusal = toRefusal(members['refusal']);
  return refusal === undefined ? undefined : { ok: false, refusal };
}

function toRefusal(value: unknown): Refusal | undefined {
  if (!isMembers(value)) return undefined;
  const { kind, fields, retryAfterMs } = value;
  switch (kind) {
    case 'unknown':
    case 'unauthorized':
      return { kind };
    case 'invalid':
      return Array.isArray(fields) && fields.every(isFieldProblem) ? { kind, fields } : undefined;
    case 'throttled':
    case 'unavailable':
      return typeof retryAfterMs === 'number' ? { kind, retryAfterMs } : undefined;
    default:
      return undefined;
  }
}

function isFieldProblem(value: unknown): value is FieldProblem {
  return (
    isMembers(value) && typeof value['field'] === 'string' && typeof value['expected'] === 'string'
  );
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null;
}
