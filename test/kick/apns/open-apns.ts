import type { ApnsApp, ApnsTarget } from '../../../src/kick/apns/app.ts';
import { createApnsProvider } from '../../../src/kick/apns.ts';
import type { Http2Limits } from '../../../src/kick/http2-client.ts';
import type { KickProvider, Wake, WakeOutcome } from '../../../src/kick/provider.ts';
import { type Log, quietLog } from '../../../src/log.ts';
import { newChannelId, versionOfTime } from '../../../src/protocol/ids.ts';
import { HandClock } from '../../storage/hand-clock.ts';
import { makeApnsKeyPair } from '../../support/fake-apns/provider-tokens.ts';
import { type FakeApns, type FakeApnsOptions, startFakeApns } from '../../support/fake-apns.ts';
import { type KickCertificates, makeKickCertificates } from '../../support/kick-certificates.ts';

export const TEAM_ID = 'TEAM123456';
export const KEY_ID = 'KEY1234567';
export const TOPIC = 'org.example.app';
export const KEYS = makeApnsKeyPair();
/** Of no abort. */
export const NEVER: AbortSignal = new AbortController().signal;

/** Those of `openApns`, when a test says nothing else. */
export const LIMITS: Http2Limits = {
  inFlightMax: 1000,
  waitingMax: 5000,
  requestTimeoutMs: 10_000,
  pingIntervalMs: 60_000,
};

let certificates: Promise<KickCertificates> | undefined;

/** The same ones for all tests of a process. */
function sharedCertificates(): Promise<KickCertificates> {
  certificates ??= makeKickCertificates();
  return certificates;
}

/** An app that the fake of `openApns` knows, but for where it is. */
export const APP: Omit<ApnsApp, 'origin'> = {
  name: 'main',
  topic: TOPIC,
  teamId: TEAM_ID,
  keyId: KEY_ID,
  privateKeyPem: KEYS.privateKeyPem,
  push: { kind: 'background' },
  carriesUpdate: false,
  ttlMs: 3_600_000,
};

/** A device's wake-up; each number is another device. */
export function wakeOf(device: number, topic?: string): Wake<ApnsTarget> {
  const token = (device + 1).toString(16).padStart(64, '0');
  const target: ApnsTarget =
    topic === undefined ? { type: 'apns', token } : { type: 'apns', token, topic };
  return { target, channelId: newChannelId(), version: versionOfTime(1000) };
}

/** A provider and the fake it speaks to, and time that stands still. */
export interface OpenApns extends AsyncDisposable {
  readonly apns: FakeApns;
  readonly provider: KickProvider<ApnsTarget>;
  readonly clock: HandClock;
  /** Events of level error. */
  readonly alarms: readonly string[];
  wake(device: number): Promise<WakeOutcome>;
  /** Wakes so many devices at once, from `first` on. */
  wakeMany(count: number, first?: number): Promise<readonly WakeOutcome[]>;
  /** Time goes on, and what waits for it looks. */
  pass(ms: number): void;
}

/** Of a fake that knows APP. */
export async function fakeOptions(clock: HandClock): Promise<FakeApnsOptions> {
  return {
    keys: [{ teamId: TEAM_ID, keyId: KEY_ID, publicKeyPem: KEYS.publicKeyPem, topics: [TOPIC] }],
    certificates: await sharedCertificates(),
    nowMs: () => clock.nowMs(),
  };
}

/** The default: one app, proven by nothing yet. */
export async function openApns({
  fake = {},
  apps = [{}],
  limits = {},
  ca,
}: {
  readonly fake?: Partial<FakeApnsOptions>;
  readonly apps?: readonly Partial<ApnsApp>[];
  readonly limits?: Partial<Http2Limits>;
  /** Default: who made the fake's certificate. */
  readonly ca?: string;
} = {}): Promise<OpenApns> {
  const clock = new HandClock();
  const apns = await startFakeApns({ ...(await fakeOptions(clock)), ...fake });
  const alarms: string[] = [];
  const log: Log = { ...quietLog, error: (_fields, event) => alarms.push(event) };
  const provider = createApnsProvider({
    apps: apps.map((app) => ({ ...APP, origin: apns.url, ...app })),
    limits: { ...LIMITS, ...limits },
    clock,
    log,
    ca: ca ?? apns.ca,
  });
  const wake = (device: number) => provider.wake(wakeOf(device), NEVER);
  return {
    apns,
    provider,
    clock,
    alarms,
    wake,
    wakeMany: (count, first = 0) =>
      Promise.all(Array.from({ length: count }, (_, at) => wake(first + at))),
    pass(ms) {
      clock.moveMs(ms);
      clock.tick();
    },
    async [Symbol.asyncDispose]() {
      await provider.close();
      await apns.close();
    },
  };
}
