import type { KickTarget } from '../../protocol/connect.ts';

export type ApnsTarget = Extract<KickTarget, { type: 'apns' }>;

/**
 * What a person sees when the push is an alert; keys name texts in the app's own Localizable.strings. Each of at most 200 characters, as
 * the config takes them: then no payload comes near the 4096 bytes that Apple allows, whatever must be escaped in it.
 */
export type ApnsAlert =
  | { readonly kind: 'texts'; readonly title?: string; readonly body: string }
  | { readonly kind: 'localized'; readonly titleKey?: string; readonly bodyKey: string };

/** How an app is woken. Apple throttles background pushes to a few an hour; an alert comes through, and is seen. */
export type ApnsPush =
  | { readonly kind: 'background' }
  | { readonly kind: 'alert'; readonly alert: ApnsAlert };

/** One app whose devices can be woken: a section `[kick.apns.apps.<name>]`. */
export interface ApnsApp {
  /** The section's name, for messages to the operator. */
  readonly name: string;
  /** The bundle id. */
  readonly topic: string;
  readonly teamId: string;
  readonly keyId: string;
  /** What is in the `.p8` file. */
  readonly privateKeyPem: string;
  /** An https origin: one of APNS_ORIGINS, or another for tests and proxies. */
  readonly origin: string;
  readonly push: ApnsPush;
  /** Whether the payload says which channel has which version; else it is only a call to come. */
  readonly carriesUpdate: boolean;
  /** How long Apple keeps the wake-up for a phone that is off; 0: it is tried once. */
  readonly ttlMs: number;
}

/** The two services of Apple, by the words of `kick.apns.apps.<name>.host`. */
export const APNS_ORIGINS = {
  production: 'https://api.push.apple.com',
  sandbox: 'https://api.sandbox.push.apple.com',
} as const;
