/** What the abuse suite prints. */
import type { Group } from './case.ts';
import { acceptableOf } from './case.ts';
import type { AbuseOutcome, AbusePlan, CaseOutcome, GroupOutcome } from './run.ts';

const NAME_COLUMNS = 44;
const GROUP_COLUMNS = 14;

/** The load that the run keeps to, before it begins. */
export function planText(
  { target, groups, bounds, boundMs, isStrict }: AbusePlan,
  { url, endpoint, seed }: { readonly url: URL; readonly endpoint: URL; readonly seed: number },
): string {
  const cases = groups.reduce((sum, group) => sum + group.cases.length, 0);
  const accepts = isStrict ? 'what protocol.md allows' : 'what any SimplePush server may do';
  return [
    `abuse of ${url.href}, endpoints at ${endpoint.origin}: ${cases} cases in ${groups.length} groups, seed ${seed}`,
    `accepted is ${accepts}; others must be served within ${boundMs} ms, each answer within ${target.timeoutMs} ms`,
    `load: at most ${bounds.socketsMax} sockets at once, ${bounds.sendsPerSecondMax} messages and requests a second, ${bounds.bytesMax} bytes in all`,
    '',
    '',
  ].join('\n');
}

export function caseLine(outcome: CaseOutcome): string {
  const { group, name, verdict, sent, came, acceptable, why } = outcome;
  const title = `${group}/${name}`;
  if (verdict === 'passed') {
    return `✔ ${title.padEnd(NAME_COLUMNS)} ${sent}  →  ${came}  (of: ${acceptable.join(' | ')})\n`;
  }
  return [
    `✖ ${title}`,
    `    sent        ${sent}`,
    `    came        ${came}`,
    `    acceptable  ${acceptable.join(' | ')}`,
    `    because     ${why}`,
    '',
  ].join('\n');
}

export function groupLine({ name, cases, served, tookMs }: GroupOutcome): string {
  const failed = failedOf(cases);
  const mark = failed === 0 && served.kind === 'served' ? '✔' : '✖';
  const others =
    served.kind === 'served'
      ? `others served in ${served.tookMs.toFixed(0)} ms`
      : `OTHERS ARE NOT SERVED: ${served.why}`;
  const counts = `${cases.length - failed} of ${cases.length} passed`;
  return `${mark} ${name.padEnd(GROUP_COLUMNS)} ${counts} in ${(tookMs / 1000).toFixed(1)} s, ${others}\n`;
}

/** All groups once more, for of a long output often only the end is read. */
export function summaryText({ groups, stopped, used }: AbuseOutcome): string {
  const cases = groups.flatMap((group) => group.cases);
  const failed = failedOf(cases);
  const lines = [
    '',
    ...groups.map((group) => groupLine(group).trimEnd()),
    `used: ${used.sockets} sockets at once, ${used.sends} messages and requests, ${used.bytes} bytes`,
    ...(stopped === '' ? [] : [`stopped: ${stopped}`]),
    `${cases.length - failed} passed, ${failed} failed, others served after ${servedOf(groups)} of ${groups.length} groups`,
  ];
  return `${lines.join('\n')}\n`;
}

export function isPassed({ groups, stopped }: AbuseOutcome): boolean {
  const failed = failedOf(groups.flatMap(({ cases }) => cases));
  return stopped === '' && failed === 0 && servedOf(groups) === groups.length;
}

/** Every group and case, and what is acceptable of any server and of one that is held to protocol.md. */
export function listText(groups: readonly Group[]): string {
  const lines = groups.flatMap((group) => [
    `${group.name}: ${group.about}`,
    ...group.cases.map((one) => {
      const any = acceptableOf(one, { isStrict: false }).join(' | ');
      const strict = acceptableOf(one, { isStrict: true }).join(' | ');
      return `  ${group.name}/${one.name}: ${one.why}\n    any server: ${any}\n    --strict: ${strict}`;
    }),
  ]);
  return `${lines.join('\n')}\n`;
}

function failedOf(cases: readonly CaseOutcome[]): number {
  return cases.filter(({ verdict }) => verdict === 'failed').length;
}

function servedOf(groups: readonly GroupOutcome[]): number {
  return groups.filter(({ served }) => served.kind === 'served').length;
}
