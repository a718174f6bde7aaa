import { setMaxListeners } from 'node:events';
import type { FcmTarget } from '../../../src/kick/fcm/request.ts';
import { parseServiceAccount, type ServiceAccount } from '../../../src/kick/fcm/service-account.ts';
import { createFcmProvider, type FcmProviderDeps } from '../../../src/kick/fcm.ts';
import type { KickProvider, WakeOutcome } from '../../../src/kick/provider.ts';
import { type Log, quietLog } from '../../../src/log.ts';
import { HandClock } from '../../storage/hand-clock.ts';
import {
  type FakeFcm,
  type FakeFcmOptions,
  makeServiceKeys,
  startFakeFcm,
} from '../../support/fake-fcm.ts';
import { makeKickCertificates } from '../../support/kick-certificates.ts';
import { COLLAPSE_KEY, TTL_SECS, wakeOf } from './wakes.ts';

export const REQUEST_TIMEOUT_MS = 10_000;
/** Longest wait for what should come at once, on a busy machine. */
const EVENTUALLY_MS_MAX = 10_000;

/** A provider and the fake it speaks to, and time that stands still. */
export interface OpenFcm extends AsyncDisposable {
  readonly fake: FakeFcm;
  readonly provider: KickProvider<FcmTarget>;
  readonly clock: HandClock;
  /** Everything that was logged, as JSON lines. */
  readonly lines: readonly string[];
  /** Events of level error. */
  readonly alarms: readonly string[];
  wake(device?: string, signal?: AbortSignal): Promise<WakeOutcome>;
  /** Wakes so many devices at once. */
  wakeMany(count: number): Promise<readonly WakeOutcome[]>;
  /** Time goes on, and what waits for it looks. */
  pass(ms: number): void;
}

let shared: Promise<Pick<FakeFcmOptions, 'certificates' | 'keys'>> | undefined;

/** Made once for all tests of a process, because that takes most of their time. */
function sharedSecrets(): Promise<Pick<FakeFcmOptions, 'certificates' | 'keys'>> {
  shared ??= Promise.all([makeKickCertificates(), makeServiceKeys()]).then(
    ([certificates, keys]) => ({ certificates, keys }),
  );
  return shared;
}

/** The account of the fake. */
export function accountOf({ serviceAccountJson }: FakeFcm): ServiceAccount {
  const reading = parseServiceAccount(serviceAccountJson);
  if (reading.kind === 'refused') throw new Error(reading.problems.join(' '));
  return reading.account;
}

/** A fake by itself. */
export async function openFake(options: FakeFcmOptions = {}): Promise<FakeFcm> {
  return startFakeFcm({ ...(await sharedSecrets()), ...options });
}

/** A provider that speaks to a fake of its own; `deps` may lead it elsewhere. */
export async function openFcm({
  fake: options = {},
  deps = {},
}: {
  readonly fake?: FakeFcmOptions;
  readonly deps?: Partial<FcmProviderDeps>;
} = {}): Promise<OpenFcm> {
  const clock = new HandClock();
  const fake = await openFake({ nowMs: () => clock.nowMs(), ...options });
  const lines: string[] = [];
  const alarms: string[] = [];
  const note = (fields: object, event: string) => {
    lines.push(JSON.stringify({ event, ...fields }));
  };
  const log: Log = {
    ...quietLog,
    error: (fields, event) => {
      alarms.push(event);
      note(fields, event);
    },
    warn: note,
    info: note,
    debug: note,
    trace: note,
  };
  const provider = createFcmProvider({
    serviceAccount: accountOf(fake),
    sendUrl: fake.sendUrl,
    ca: fake.ca,
    limits: { inFlightMax: 200, waitingMax: 2000, requestTimeoutMs: REQUEST_TIMEOUT_MS },
    ttlSecs: TTL_SECS,
    collapseKey: COLLAPSE_KEY,
    sendsUpdate: false,
    clock,
    log,
    ...deps,
  });
  const wake = (device = 'phone', signal = neverAborted()) => provider.wake(wakeOf(device), signal);
  return {
    fake,
    provider,
    clock,
    lines,
    alarms,
    wake,
    wakeMany(count) {
      const signal = neverAborted();
      return Promise.all(Array.from({ length: count }, (_, at) => wake(`phone-${at}`, signal)));
    },
    pass(ms) {
      clock.moveMs(ms);
      clock.tick();
    },
    async [Symbol.asyncDispose]() {
      await provider.close();
      await fake.close();
    },
  };
}

/** A signal that is never aborted, whoever listens. */
export function neverAborted(): AbortSignal {
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  return signal;
}

/** Resolves when it is so. */
export async function eventually(isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + EVENTUALLY_MS_MAX;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error('what was waited for did not come');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
