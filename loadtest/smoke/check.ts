/** One check of the smoke test, and what the checks know of each other. */
import type { WireChannel, WireDevice } from '../wire/device.ts';
import type { Load } from '../wire/load.ts';
import type { Target } from '../wire/target.ts';

/** What earlier checks have found out and later ones build on. */
export interface Knowledge {
  device?: WireDevice;
  uaid?: string;
  channel?: WireChannel;
}

export interface CheckContext {
  readonly target: Target;
  readonly load: Load;
  readonly known: Knowledge;
}

export interface Check {
  readonly title: string;
  /** What `known` must hold; without it the check cannot be made and is passed over. */
  readonly needs: readonly (keyof Knowledge)[];
  /** Resolves to a remark, '' when there is none. @throws WireError that says what is wrong @throws UnreachableError */
  run(context: CheckContext): Promise<string>;
}
