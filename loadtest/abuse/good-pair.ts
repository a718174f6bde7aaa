/** A device and an app server who do nothing wrong: what they see is what all this does to others. */
import { type WireChannel, WireDevice } from '../wire/device.ts';
import { UnreachableError, WireError } from '../wire/errors.ts';
import { exchange } from '../wire/http.ts';
import type { Load } from '../wire/load.ts';
import type { Target } from '../wire/target.ts';

export type Served =
  | { readonly kind: 'served'; readonly tookMs: number }
  /** `isGone`: nobody listens any more. */
  | { readonly kind: 'failed'; readonly why: string; readonly isGone: boolean };

interface Parties {
  readonly device: WireDevice;
  readonly channel: WireChannel;
}

export class GoodPair {
  readonly #target: Target;
  readonly #load: Load;
  readonly #boundMs: number;
  #parties: Parties | undefined;
  #version = 0;

  /** `boundMs`: longest time from the PUT to its notification. */
  constructor(target: Target, load: Load, boundMs: number) {
    this.#target = target;
    this.#load = load;
    this.#boundMs = boundMs;
  }

  /** The endpoint of the pair. @throws WireError @throws UnreachableError */
  async endpoint(): Promise<URL> {
    return (await this.#meet()).channel.endpoint;
  }

  /** Whether the pair that stands since the beginning and a new one are served; a pair that failed is replaced by the next call. */
  async check(): Promise<Served> {
    const standing = await this.round();
    if (standing.kind === 'failed') return standing;
    const fresh = new GoodPair(this.#target, this.#load, this.#boundMs);
    const served = await fresh.round();
    fresh.leave();
    return served.kind === 'failed' || served.tookMs > standing.tookMs ? served : standing;
  }

  /** One PUT, its notification and the ack. Never rejects. */
  async round(): Promise<Served> {
    try {
      const { device, channel } = await this.#meet();
      return this.#judge(await this.#play(device, channel));
    } catch (error) {
      if (!(error instanceof WireError || error instanceof UnreachableError)) throw error;
      this.leave();
      const isGone = error instanceof UnreachableError;
      return { kind: 'failed', why: error.message, isGone };
    }
  }

  leave(): void {
    this.#parties?.device.destroy();
    this.#parties = undefined;
  }

  async #meet(): Promise<Parties> {
    if (this.#parties === undefined) {
      const device = await WireDevice.open(this.#target, this.#load);
      await device.hello();
      this.#parties = { device, channel: await device.register() };
    }
    return this.#parties;
  }

  async #play(device: WireDevice, { endpoint }: WireChannel): Promise<number> {
    this.#version++;
    const begunMs = performance.now();
    const context = { target: this.#target, load: this.#load };
    const { status } = await exchange(endpoint, { body: `version=${this.#version}` }, context);
    if (status !== 200 && status !== 202) throw new WireError(`their PUT was answered ${status}`);
    const update = await device.nextUpdate('their notification');
    const tookMs = performance.now() - begunMs;
    if (Number(update.version) !== this.#version) {
      throw new WireError(`version ${this.#version} was PUT and ${update.version} came`);
    }
    await device.ack([update]);
    return tookMs;
  }

  #judge(tookMs: number): Served {
    if (tookMs <= this.#boundMs) return { kind: 'served', tookMs };
    const why = `a PUT took ${tookMs.toFixed(0)} ms to its notification`;
    return { kind: 'failed', why, isGone: false };
  }
}
