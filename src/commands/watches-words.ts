/** What the command `watches` says of what the backend has answered. It came over a socket, so nothing of its form is taken for granted. */
import { printable } from './printable.ts';
import { durationText } from './queue-words.ts';

/** The pause, the states and the connections, in two lines. */
export function statusText(body: unknown): string {
  const { paused, watches, connections } = membersOf(body);
  const { open, waiting } = membersOf(connections);
  const states = Object.entries(membersOf(watches)).map(([state, count]) => `${state} ${count}`);
  return [
    ...(paused === true ? ['PAUSED: no mail server is spoken to until "watches resume"'] : []),
    printable(`${states.join(', ') || 'no watches'}; connections ${open}, waiting ${waiting}`),
    '',
  ].join('\n');
}

/** A line for each account; and how the rest is had, when there is more. */
export function accountsText(body: unknown, nowMs: number): string {
  const { accounts, next } = membersOf(body);
  const lines = Array.isArray(accounts) ? accounts.map((one) => accountText(one, nowMs)) : [];
  return [
    ...lines,
    ...(typeof next === 'string' ? [`… and more: --after ${printable(next)}`] : []),
    '',
  ].join('\n');
}

function accountText(report: unknown, nowMs: number): string {
  const { account, protocol, host, port, state, sinceMs, seenAtMs } = membersOf(report);
  const { kind, failure, nextTryMs } = membersOf(state);
  const { kind: failed, detail } = membersOf(failure);
  const words = [
    `${account}  ${protocol} ${host}:${port}`,
    `${kind} for ${ago(sinceMs, nowMs)}`,
    ...(failed === undefined ? [] : [`${failed}: ${detail}`]),
    ...(typeof nextTryMs === 'number' ? [`again in ${ago(2 * nowMs - nextTryMs, nowMs)}`] : []),
    `device seen ${ago(seenAtMs, nowMs)} ago`,
  ];
  return printable(words.join('  '));
}

function ago(atMs: unknown, nowMs: number): string {
  return durationText(Math.max(0, nowMs - Number(atMs)));
}

/** The members of an object; none of anything else. */
export function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
