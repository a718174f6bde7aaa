/** The operator's end of the socket file. */
import { request } from 'node:http';

/** How long an answer is waited for. */
const ANSWER_MS_MAX = 10_000;

export type OperatorsCall =
  | { readonly kind: 'answered'; readonly status: number; readonly body: unknown }
  /** Nobody answers there. `code` is the system's, such as ENOENT or EACCES. */
  | { readonly kind: 'unreachable'; readonly code: string };

/** Asks the backend that listens on the file. Never rejects. */
export function askBackend(
  socketPath: string,
  { method, path }: { readonly method: 'GET' | 'POST'; readonly path: string },
): Promise<OperatorsCall> {
  return new Promise((resolve) => {
    const unreachable = (error: NodeJS.ErrnoException) =>
      resolve({ kind: 'unreachable', code: error.code ?? error.message });
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const headers = { Host: 'operators' };
    const asked = request({ socketPath, method, path, headers, signal, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('error', unreachable);
      answer.on('end', () =>
        resolve({ kind: 'answered', status: answer.statusCode ?? 0, body: parseJson(text) }),
      );
    });
    asked.on('error', unreachable);
    asked.end();
  });
}

/** Undefined when it is no JSON, which then is no backend of ours. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
