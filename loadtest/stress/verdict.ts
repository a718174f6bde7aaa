/** From what all processes found to one verdict: passed, or every fault by its name. */
import { FAULTS, type Fault, type FaultRecord, mergeFaults } from './faults.ts';
import type { WorkerResult } from './messages.ts';
import type { Plan } from './plan.ts';

export interface Finding extends FaultRecord {
  /** The fault in a sentence, with its number. */
  readonly words: string;
  /** What the author of the server should look at. */
  readonly hint: string;
}

export interface Verdict {
  readonly passed: boolean;
  /** One sentence. */
  readonly summary: string;
  readonly faults: readonly Finding[];
  /** What is allowed and yet worth knowing, in sentences. */
  readonly notes: readonly string[];
}

/** Numbers of the whole run, of all processes. */
export interface Totals {
  readonly accepted: number;
  readonly arrived: number;
  readonly sessions: number;
  /** Attempts to connect that failed, by reason. */
  readonly connectFailures: Readonly<Record<string, number>>;
  readonly redirects: number;
  readonly slowCloses: number;
  readonly stalePuts: number;
  readonly liveAnswersWhileAway: number;
  readonly repeats: number;
  readonly resent: number;
  readonly collapsed: number;
  readonly unjudged: number;
  readonly unsent: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly closeCodes: Readonly<Record<string, number>>;
}

export function totalsOf(results: readonly WorkerResult[], unsent: number): Totals {
  const sum = (read: (result: WorkerResult) => number) =>
    results.reduce((total, result) => total + read(result), 0);
  return {
    accepted: sum(({ accepted }) => accepted),
    arrived: sum(({ arrived }) => arrived),
    sessions: sum(({ sessions }) => sessions),
    connectFailures: sumByKey(results.map(({ connectFailures }) => connectFailures)),
    redirects: sum(({ redirects }) => redirects),
    slowCloses: sum(({ slowCloses }) => slowCloses),
    stalePuts: sum(({ stalePuts }) => stalePuts),
    liveAnswersWhileAway: sum(({ liveAnswersWhileAway }) => liveAnswersWhileAway),
    repeats: sum(({ notes }) => notes.repeats),
    resent: sum(({ notes }) => notes.resent),
    collapsed: sum(({ notes }) => notes.collapsed),
    unjudged: sum(({ notes }) => notes.unjudged),
    unsent,
    statuses: sumByKey(results.map(({ statuses }) => statuses)),
    closeCodes: sumByKey(results.map(({ closeCodes }) => closeCodes)),
  };
}

export function verdictOf(
  plan: Plan,
  results: readonly WorkerResult[],
  totals: Totals,
  isWhole: boolean,
): Verdict {
  const records = mergeFaults(results.map(({ faults }) => faults));
  const faults = [...records.filter((record) => !isTolerated(record, plan, totals))];
  const repeatsAllowed = (totals.arrived * plan.repeatsMax) / 100;
  if (totals.repeats > repeatsAllowed) {
    faults.push({ fault: 'duplicated', count: totals.repeats, examples: [] });
  }
  const findings = faults.map((record) => ({
    ...record,
    words: wordsOf(record, totals),
    hint: FAULTS[record.fault].hint,
  }));
  // Nothing that was tried is nothing that was shown.
  const passed = findings.length === 0 && totals.accepted > 0;
  return {
    passed,
    summary: summaryOf(findings, totals, isWhole),
    faults: findings,
    notes: notesOf(totals, isWhole),
  };
}

function summaryOf(faults: readonly Finding[], totals: Totals, isWhole: boolean): string {
  const until = isWhole ? '' : ' until the run was interrupted';
  if (totals.accepted === 0) return `not one PUT was accepted${until}: nothing is proven`;
  if (faults.length > 0) {
    return `${faults.length} kind${faults.length === 1 ? '' : 's'} of fault${until}, the first: ${faults[0]?.words}`;
  }
  return `every one of ${count(totals.accepted)} accepted versions was delivered, itself or as a higher one${until}`;
}

function wordsOf(record: FaultRecord, totals: Totals): string {
  const { one, many } = FAULTS[record.fault];
  return `${count(record.count)} ${record.count === 1 ? one : many}${shareOf(record, totals)}`;
}

/** What the number is to be held against. */
function shareOf(record: FaultRecord, { accepted, sessions, arrived, closeCodes }: Totals): string {
  const OF: Partial<Record<Fault, readonly [number, string]>> = {
    lost: [accepted, 'accepted'],
    lostAway: [accepted, 'accepted'],
    dropped: [accepted, 'accepted'],
    droppedAway: [accepted, 'accepted'],
    duplicated: [arrived, 'delivered'],
    closed: [sessions, 'sessions'],
  };
  const [whole, name] = OF[record.fault] ?? [0, ''];
  if (whole === 0) return '';
  const share = `${count(whole)} ${name}, ${((100 * record.count) / whole).toPrecision(2)} %`;
  if (record.fault !== 'closed') return ` (of ${share})`;
  return ` (of ${share}; close codes ${listOf(closeCodes)})`;
}

function isTolerated({ fault, count: found }: FaultRecord, plan: Plan, totals: Totals): boolean {
  return fault === 'closed' && found <= (totals.sessions * plan.closesMax) / 100;
}

function notesOf(totals: Totals, isWhole: boolean): readonly string[] {
  const { statuses, connectFailures } = totals;
  const busy = (statuses['429'] ?? 0) + (statuses['503'] ?? 0);
  const notes: readonly (readonly [number, string])[] = [
    [
      totals.unsent,
      'PUTs were due and could not be sent in time: the server did not keep up with the rate',
    ],
    [busy, 'PUTs were refused with 429 or 503; they are not owed'],
    [
      totals.collapsed,
      'versions did not come by themselves, because a higher one of their channel was on its way',
    ],
    [totals.repeats, 'updates came twice in a session, as the protocol allows'],
    [
      totals.resent,
      'updates came again with a hello, because their acks or PUTs were on their way then',
    ],
    [
      Object.values(connectFailures).reduce((sum, number) => sum + number, 0),
      `attempts to connect failed and were made again (${listOf(connectFailures)})`,
    ],
    [totals.redirects, 'hellos were sent to another server (307)'],
    [totals.slowCloses, 'connections of slow readers were ended by the server, as it may'],
    [
      totals.liveAnswersWhileAway,
      'PUTs were answered 200 although the device was away; 202 would say so',
    ],
    [totals.stalePuts, 'PUTs met a kept connection that the server had just closed'],
    [totals.unjudged, 'accepted versions could not be judged: their devices did not come back'],
  ];
  const words = notes.filter(([number]) => number > 0);
  return [
    ...(isWhole ? [] : ['the run was interrupted: this is a part of what was planned']),
    ...words.map(([number, text]) => `${count(number)} ${text}`),
  ];
}

function listOf(numbers: Readonly<Record<string, number>>): string {
  return Object.entries(numbers)
    .map(([name, number]) => `${name}: ${count(number)}`)
    .join(', ');
}

function sumByKey(parts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [key, number] of parts.flatMap((part) => Object.entries(part))) {
    sums[key] = (sums[key] ?? 0) + number;
  }
  return sums;
}

function count(number: number): string {
  return number.toLocaleString('en');
}
