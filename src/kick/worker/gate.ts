import type { KickTarget } from '../../protocol/connect.ts';
import { Breaker, type BreakerOptions, causeOf, type Pass, type Verdict } from './breaker.ts';

/** Names the credentials that a target needs. */
export type AppOf = (target: KickTarget) => string;

export interface GateDeps extends BreakerOptions {
  /** Absent when the provider has one set of credentials for all. */
  readonly appOf?: AppOf | undefined;
}

/** Leave to ask the provider once, of each breaker that has a say. */
export interface GatePass {
  readonly ofProvider: Pass;
  readonly app: string;
  /** Of an app that has been halted. */
  readonly ofApp: Pass | undefined;
}

const ANSWERED: Verdict = { kind: 'answered' };
const UNTRIED: Verdict = { kind: 'untried' };

/**
 * Whether a device may be woken now. The provider's breaker decides; and where apps have credentials of their own, those of one that the
 * provider refuses halt that app alone, and the others go on.
 */
export class Gate {
  /** Limits what is leased. */
  readonly provider: Breaker;
  readonly #deps: GateDeps;
  /** Of apps that have been halted, so none of a stranger's making: only a configured app can be. */
  readonly #apps = new Map<string, Breaker>();

  constructor(deps: GateDeps) {
    this.#deps = deps;
    this.provider = new Breaker(deps);
  }

  /** Undefined when the device is to be left alone. Each pass is given back by `leave`. */
  enter(target: KickTarget): GatePass | undefined {
    const app = this.#appOf(target);
    const breaker = this.#apps.get(app);
    const ofApp = breaker?.enter();
    if (breaker !== undefined && ofApp === undefined) return undefined;
    const ofProvider = this.provider.enter();
    if (ofProvider !== undefined) return { ofProvider, app, ofApp };
    if (ofApp !== undefined) breaker?.leave(ofApp, UNTRIED);
    return undefined;
  }

  /** Call it once for each pass. */
  leave({ ofProvider, app, ofApp }: GatePass, verdict: Verdict): void {
    if (verdict.kind === 'halted' && this.#deps.appOf !== undefined) {
      // Whoever refuses one app is there for the others.
      this.provider.leave(ofProvider, ANSWERED);
      this.#breakerOf(app).leave(ofApp ?? { isProbe: false }, verdict);
      return;
    }
    this.provider.leave(ofProvider, verdict);
    // No answer, or a plea for time, says nothing of the credentials.
    if (ofApp !== undefined)
      this.#breakerOf(app).leave(ofApp, verdict.kind === 'answered' ? ANSWERED : UNTRIED);
  }

  /** How long the device is to be left alone; 0 when nobody knows. */
  openMs(target: KickTarget): number {
    const ofApp = this.#apps.get(this.#appOf(target))?.openMs ?? 0;
    return Math.max(ofApp, this.provider.openMs);
  }

  /** What the provider says of the credentials that it refuses; empty when it refuses none. */
  get halts(): readonly string[] {
    return [this.provider, ...this.#apps.values()].flatMap(({ state }) =>
      state.kind !== 'closed' && causeOf(state) === 'halted' ? [state.trouble.reason] : [],
    );
  }

  #appOf(target: KickTarget): string {
    return this.#deps.appOf?.(target) ?? '';
  }

  #breakerOf(app: string): Breaker {
    const breaker = this.#apps.get(app) ?? new Breaker(this.#deps);
    this.#apps.set(app, breaker);
    return breaker;
  }
}
