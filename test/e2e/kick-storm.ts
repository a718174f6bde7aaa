/** Many sleeping devices, an app server for all of them, roles that are killed and providers that fail; and a ledger of what came. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { KickTarget } from '../../src/protocol/connect.ts';
import { registrationToken } from '../support/fake-fcm.ts';
import { put } from '../support/put.ts';
import { Random } from '../support/random.ts';
import { APNS_FAULTS, FaultDeck, FCM_FAULTS } from './kick-faults.ts';
import { inParallel } from './kick-parallel.ts';
import { Reaper } from './kick-reaper.ts';
import { apnsToken, fallAsleep, fetchPending, type Sleeper } from './kick-sleepers.ts';
import { STORM_SETTINGS } from './kick-storm-settings.ts';
import { until } from './kick-until.ts';
import { type KickWorld, openKickWorld } from './kick-world.ts';

/** PUTs, their answers and wake-ups from one kill to the next; half of them on average, which is about a second's. */
const KICK_EVENTS_MAX = 160;
const PUSH_EVENTS_MAX = 240;
const CONNECTS_AT_ONCE = 8;
/** Each has one PUT under way. */
export const APP_SERVERS = 6;
/** Devices that may wait for their wake-up at once, so that PUTs go on between the kills. */
const WAITING_MAX = 100;
const NANOSECONDS_OF_MS = 1e6;
/** Before a PUT that failed is made again. */
const PUT_AGAIN_MS = 50;
/** Of five devices. Apple documents more errors than Google. */
const FCM_SHARES = 2;
const APNS_AND_FCM_SHARES = 5;
export const VERSION = 7;
/** Of the server's log, when a storm fails. */
const LAST_CHARACTERS = 4000;
/** The longest that nothing may be heard of the devices that still wait. */
const STILL_MS_MAX = 60_000;

export interface StormOptions {
  readonly devices: number;
  readonly seed: number;
  readonly wakeIntervalMs: number;
  /** Whether the providers fail three calls of ten. */
  readonly fails: boolean;
  /** Whether push is killed, too. Kick always is. */
  readonly killsPush: boolean;
}

/** What came of one device. */
export interface DeviceStory {
  readonly token: string;
  readonly sleeper: Sleeper;
  /** When its first PUT was sent: nobody can have claimed its wake-up before. */
  putAtMs: number;
  /** PUTs that were answered 503, and may have been kicked all the same. */
  putsFailed: number;
  isAccepted: boolean;
  /** When the provider took its wake-ups, by our clock. */
  readonly wokenAtMs: number[];
  /** Whether the provider said that its target is dead or that the wake-up will never be taken. */
  isEnded: boolean;
  /** What it found when it connected at last. */
  fetched?: number | undefined;
}

export interface StormReport {
  readonly devices: readonly DeviceStory[];
  readonly kickKills: number;
  readonly pushKills: number;
  /** Wake-ups of which the kick role says in its log that it was given no answer. */
  readonly unanswered: number;
  /** The longest that this process, hence a fake, did not look at what had come. */
  readonly lagMsMax: number;
  /** Faults of the providers' tables that were never dealt. */
  readonly undealt: readonly string[];
  /** Kicks that wait or are leased, when all is over. */
  readonly left: number;
  /** Ids of devices whose kicks were given up. */
  readonly deadDeviceIds: readonly string[];
}

/** Runs from the first device to the last wake-up. Rejects when something that should come does not. */
export async function runStorm(options: StormOptions): Promise<StormReport> {
  const storm = new Storm(options);
  await using world = await openKickWorld({
    settings: { ...STORM_SETTINGS, 'kick.wake_interval_ms': options.wakeIntervalMs },
    fcm: { choose: (message) => storm.onFcm(message.token) },
  });
  world.apns.answerEach((push) => storm.onApns(push.deviceToken));
  try {
    return await storm.run(world);
  } catch (cause) {
    const lastWords = world.server.printed.stderr.slice(-LAST_CHARACTERS);
    throw new Error(`the server's last words: ${lastWords}`, { cause });
  }
}

class Storm {
  readonly #options: StormOptions;
  readonly #random: Random;
  readonly #fcmDeck: FaultDeck<(typeof FCM_FAULTS)[number]['answer']>;
  readonly #apnsDeck: FaultDeck<(typeof APNS_FAULTS)[number]['answer']>;
  readonly #stories = new Map<string, DeviceStory>();
  readonly #reapers: Reaper[] = [];
  readonly #lag = monitorEventLoopDelay({ resolution: 20 });

  constructor(options: StormOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#fcmDeck = new FaultDeck(FCM_FAULTS, this.#random);
    this.#apnsDeck = new FaultDeck(APNS_FAULTS, this.#random);
  }

  onFcm(token: string) {
    return this.#onCall(token, this.#options.fails ? this.#fcmDeck.next() : undefined);
  }

  onApns(token: string) {
    const fault = this.#options.fails ? this.#apnsDeck.next() : undefined;
    return this.#onCall(token, fault) ?? ({ kind: 'taken' } as const);
  }

  async run(world: KickWorld): Promise<StormReport> {
    await this.#fallAsleep(world);
    this.#lag.enable();
    const { server } = world;
    const { killsPush } = this.#options;
    const random = this.#random;
    const kick = new Reaper({ findPid: server.kickPid, random, eventsMax: KICK_EVENTS_MAX });
    const push = new Reaper({ findPid: server.pushPid, random, eventsMax: PUSH_EVENTS_MAX });
    this.#reapers.push(kick, ...(killsPush ? [push] : []));
    await this.#putToAll();
    await Promise.all([kick.stop(), push.stop()]);
    await this.#untilQuiet('the last wake-up', () => this.#waiting().length === 0);
    await this.#untilQuiet('the end of all kicks', async () => (await world.kicksLeft()) === 0);
    await this.#connectAll(world);
    return { ...(await this.#reportOf(world)), kickKills: kick.kills, pushKills: push.kills };
  }

  #onCall<Answer>(
    token: string,
    fault: { readonly answer: Answer; leaves: 'again' | 'ends'; isTaken: boolean } | undefined,
  ): Answer | undefined {
    const story = this.#stories.get(token);
    if (story === undefined) throw new Error(`a wake-up for nobody's token ${token}`);
    if (fault === undefined || fault.isTaken) story.wokenAtMs.push(Date.now());
    if (fault?.leaves === 'ends') story.isEnded = true;
    // The answer is not written yet: a kill now leaves the kick role without it.
    this.#onEvent();
    return fault?.answer;
  }

  #onEvent(): void {
    for (const reaper of this.#reapers) reaper.onEvent();
  }

  async #fallAsleep({ server }: KickWorld): Promise<void> {
    const numbers = Array.from({ length: this.#options.devices }, (_, at) => at + 1);
    await inParallel(CONNECTS_AT_ONCE, numbers, async (number) => {
      const target = targetOf(number);
      const sleeper = await fallAsleep(server, target);
      const { token } = target;
      this.#stories.set(token, {
        token,
        sleeper,
        putAtMs: Number.NaN,
        putsFailed: 0,
        isAccepted: false,
        wokenAtMs: [],
        isEnded: false,
      });
    });
  }

  async #putToAll(): Promise<void> {
    await inParallel(APP_SERVERS, [...this.#stories.values()], async (story) => {
      await this.#untilQuiet('room for a PUT', () => this.#waiting().length < WAITING_MAX);
      story.putAtMs = Date.now();
      // Amid the PUT. Those that are made again count for nothing: a role would be killed before it is up.
      this.#onEvent();
      while (!story.isAccepted) {
        const status = await putOnce(story.sleeper.endpoint);
        if (status === 503) story.putsFailed++;
        story.isAccepted = status === 202;
        if (!story.isAccepted) await new Promise((resolve) => setTimeout(resolve, PUT_AGAIN_MS));
      }
      this.#onEvent();
    });
  }

  /** Devices of which nothing was heard since their PUT. */
  #waiting(): readonly DeviceStory[] {
    return [...this.#stories.values()].filter(
      ({ isAccepted, wokenAtMs, isEnded }) => isAccepted && wokenAtMs.length === 0 && !isEnded,
    );
  }

  #untilQuiet(wanted: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    return until(wanted, isSo, STILL_MS_MAX);
  }

  async #connectAll({ server }: KickWorld): Promise<void> {
    const isBack = async () => {
      const device = await server.connect();
      await device.close();
      return true;
    };
    // Push may have died last of all.
    await this.#untilQuiet('push to be back', () => isBack().catch(() => false));
    await inParallel(CONNECTS_AT_ONCE, [...this.#stories.values()], async (story) => {
      story.fetched = await fetchPending(server, story.sleeper);
    });
  }

  async #reportOf(world: KickWorld): Promise<Omit<StormReport, 'kickKills' | 'pushKills'>> {
    this.#lag.disable();
    const { stdout } = await world.queue('list', '--json', '--max', '10000');
    const reports = JSON.parse(stdout) as readonly { dead: readonly { deviceId: string }[] }[];
    const undealt = [
      ...FCM_FAULTS.filter(({ name }) => !this.#fcmDeck.dealt.has(name)),
      ...APNS_FAULTS.filter(({ name }) => !this.#apnsDeck.dealt.has(name)),
    ].map(({ name }) => name);
    return {
      devices: [...this.#stories.values()],
      unanswered: world.server.printed.stderr.split('"outcome":"unanswered"').length - 1,
      lagMsMax: this.#lag.max / NANOSECONDS_OF_MS,
      undealt,
      left: await world.kicksLeft(),
      deadDeviceIds: reports.flatMap(({ dead }) => dead.map(({ deviceId }) => deviceId)),
    };
  }
}

/** The devices are shared out so that each provider is called often enough to fail in all its ways. */
function targetOf(number: number): KickTarget & { readonly type: 'fcm' | 'apns' } {
  return number % APNS_AND_FCM_SHARES < FCM_SHARES
    ? { type: 'fcm', token: registrationToken(`phone-${number}`) }
    : { type: 'apns', token: apnsToken(number) };
}

/** Undefined without an answer: push has just been killed, or is not back yet. */
async function putOnce(endpoint: string): Promise<202 | 503 | undefined> {
  let status: number;
  try {
    ({ status } = await put(endpoint, { version: VERSION }));
  } catch {
    return undefined;
  }
  if (status !== 202 && status !== 503) throw new Error(`a PUT was answered ${status}`);
  return status;
}
