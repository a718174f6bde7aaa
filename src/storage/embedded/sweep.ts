import type { Clock } from '../../clock.ts';
import type { StoreLimits } from '../store.ts';
import type { Commits } from './commits.ts';
import { currentDevice, isRemembered, type Moment } from './device.ts';
import { type FileRecord, newStamp, type RecordFile } from './file.ts';
import { decodeDevice, decodeUpdate, encodeDevice, isDeviceKey, isUpdateKey } from './records.ts';

export interface SweepDeps {
  readonly file: RecordFile;
  readonly commits: Commits;
  readonly limits: StoreLimits;
  readonly clock: Clock;
  readonly sweepIntervalMs: number;
}

/** Records looked at in one go: some 0.3 ms of this thread. */
export const SWEEP_RECORDS_MAX = 200;

const FIRST_KEY = Buffer.from([0]);
const LAST_KEY = Buffer.from([0xff]);

/** A record that has outlived itself, or parts of itself, and what remains of it. */
interface Outlived extends FileRecord {
  readonly rest: Buffer | undefined;
}

/**
 * Removes what has outlived its time, a slice of the file at a time, round and round. Readers judge every record by its age, so that
 * nothing depends on it but room. Returns how to stop.
 */
export function startSweep(deps: SweepDeps): () => void {
  let next: Uint8Array = FIRST_KEY;
  let isUnderWay = false;
  const sweep = async (): Promise<void> => {
    const { outlived, nextKey } = readSlice(deps, next);
    next = nextKey;
    if (outlived.length > 0) await remove(deps, outlived);
  };
  return deps.clock.every(deps.sweepIntervalMs, () => {
    if (isUnderWay) return;
    isUnderWay = true;
    const done = () => {
      isUnderWay = false;
    };
    // A sweep that fails has left records for the next round; the PUTs that fail with it are what is told of.
    sweep().then(done, done);
  });
}

function readSlice(
  { file, limits, clock }: SweepDeps,
  from: Uint8Array,
): { readonly outlived: readonly Outlived[]; readonly nextKey: Uint8Array } {
  const moment = { limits, nowMs: clock.nowMs() };
  const outlived: Outlived[] = [];
  let lastKey = from;
  let looked = 0;
  file.refresh();
  // One more than is looked at: it is where the next slice begins.
  const slice = { start: from, end: LAST_KEY, recordsMax: SWEEP_RECORDS_MAX + 1 };
  for (const record of file.range(slice)) {
    lastKey = record.key;
    looked += 1;
    const found = looked > SWEEP_RECORDS_MAX ? undefined : outlivedOf(record, moment);
    if (found !== undefined) outlived.push(found);
  }
  return { outlived, nextKey: looked > SWEEP_RECORDS_MAX ? lastKey : FIRST_KEY };
}

function outlivedOf(record: FileRecord, moment: Moment): Outlived | undefined {
  if (isUpdateKey(record.key)) {
    const { storedAtMs } = decodeUpdate(record.value);
    const isOver = moment.nowMs - storedAtMs > moment.limits.updateTtlMs;
    return isOver ? { ...record, rest: undefined } : undefined;
  }
  if (!isDeviceKey(record.key)) return undefined;
  const device = decodeDevice(record.value);
  const rest = currentDevice(device, moment);
  if (!isRemembered(rest)) return { ...record, rest: undefined };
  const isWhole =
    rest.hadChannels === device.hadChannels && rest.channels.length === device.channels.length;
  return isWhole ? undefined : { ...record, rest: encodeDevice(rest) };
}

/** Each only if nobody has written it meanwhile: then it is not outlived any more. */
function remove({ file, commits }: SweepDeps, outlived: readonly Outlived[]): Promise<void> {
  return commits.submit(() => {
    const writes = outlived.map(({ key, stamp, rest }) =>
      rest === undefined
        ? file.remove(key, stamp)
        : file.put(key, rest, { read: stamp, next: newStamp() }),
    );
    return { answer: undefined, written: Promise.all(writes).then(() => true) };
  });
}
