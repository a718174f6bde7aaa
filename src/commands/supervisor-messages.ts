/** What the supervisor and its roles say to each other over Node's channel between processes. */
import type { StatusReport } from '../admin/admin-listener.ts';
import type { HealthReport } from '../admin/health.ts';

/** What a role can be asked for, and what comes back. */
export interface Answers {
  readonly health: HealthReport;
  readonly status: StatusReport;
  readonly metrics: readonly object[];
}

export type Topic = keyof Answers;

export type ToRole =
  | { readonly type: 'ask'; readonly topic: Topic }
  /** Stop in order; the answer is the end of the process. */
  | { readonly type: 'stop' };

/** Each topic is asked for once at a time, so no id is needed. Without a value it could not be found out. */
export type Answer = {
  readonly [Name in Topic]: {
    readonly type: 'answer';
    readonly topic: Name;
    readonly value: Answers[Name] | undefined;
  };
}[Topic];

export type FromRole =
  | {
      readonly type: 'ready';
      /** As RunningRole has them. */
      readonly urls: Readonly<Record<string, string>>;
      readonly ports: Readonly<Record<string, number>>;
    }
  | Answer;

/** Undefined when it is none. */
export function parseToRole(value: unknown): ToRole | undefined {
  const { type, topic } = membersOf(value);
  if (type === 'stop') return { type };
  if (type !== 'ask') return undefined;
  if (topic === 'health' || topic === 'status' || topic === 'metrics') return { type, topic };
  return undefined;
}

/** Undefined when it is none. What operators are told as it is, is looked at no further. */
export function parseFromRole(message: unknown): FromRole | undefined {
  const { type, topic, urls, ports, value } = membersOf(message);
  if (type === 'ready') {
    return { type, urls: membersThat(isText, urls), ports: membersThat(isNumber, ports) };
  }
  if (type !== 'answer') return undefined;
  switch (topic) {
    case 'health':
      return { type, topic, value: parseHealth(value) };
    case 'status':
      return { type, topic, value: isObject(value) ? { ...value } : undefined };
    case 'metrics':
      return { type, topic, value: Array.isArray(value) ? value.filter(isObject) : undefined };
    default:
      return undefined;
  }
}

function parseHealth(value: unknown): HealthReport | undefined {
  const { ready, reasons } = membersOf(value);
  if (typeof ready !== 'boolean' || !Array.isArray(reasons)) return undefined;
  return { ready, reasons: reasons.filter(isText) };
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? { ...value } : {};
}

function membersThat<Value>(
  isValue: (value: unknown) => value is Value,
  value: unknown,
): Readonly<Record<string, Value>> {
  const members = Object.entries(membersOf(value));
  return Object.fromEntries(
    members.filter((member): member is [string, Value] => isValue(member[1])),
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}
