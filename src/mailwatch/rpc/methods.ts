/**
 * What the gate may ask of the backend: this fixed list and nothing else. Both ends check every message against the schemas
 * beside this file. The gate passes sealed envelopes on and can open none.
 */
import type {
  ExchangeRequest,
  MailProtocol,
  MailServer,
  WatchedFolder,
  WatchReport,
} from '../account.ts';

/** A registration as it comes from the device. */
export interface RegisterRequest {
  /** The device's endpoint: gets a version for news. Also what the account is known by. */
  readonly endpoint: string;
  /** Gets a version when `status` has something for the user to act on. */
  readonly stateEndpoint?: string;
  readonly protocol: MailProtocol;
  readonly server: MailServer;
  /** There exactly when the protocol is ActiveSync; `folders` then says nothing, since the request data names them. */
  readonly exchange?: ExchangeRequest;
  /** At least one; each with the device's own baseline if it has synced before. */
  readonly folders: readonly WatchedFolder[];
  /** How long to wait before the watch begins, while the device is still awake itself. */
  readonly waitMs: number;
  /** How long the watch lives without a word from the device. */
  readonly maxPollMs: number;
  /** Which of the backend's public keys `sealed` is for. */
  readonly keyId: string;
  /** base64: the HPKE encapsulated key and the ciphertext of the credentials' JSON, bound to endpoint and server. */
  readonly sealed: string;
}

/** Names a watch and proves the right to it. */
export interface WatchToken {
  readonly token: string;
}

/** What each method is called with. */
export interface Requests {
  readonly register: RegisterRequest;
  readonly defer: WatchToken & { readonly waitMs: number };
  readonly stop: WatchToken;
  readonly status: WatchToken;
  readonly key: Readonly<Record<string, never>>;
  readonly alive: Readonly<Record<string, never>>;
}

/** Why a call was refused; expected, and passed on to the device. */
export type Refusal =
  /** 404: no such watch; it was stopped, or has ended by itself. */
  | { readonly kind: 'unknown' }
  /** 401: not the token of that watch, for instance one from before it was registered anew. */
  | { readonly kind: 'unauthorized' }
  /** 400: each field with what is wrong with it. */
  | { readonly kind: 'invalid'; readonly fields: readonly FieldProblem[] }
  /** 429 */
  | { readonly kind: 'throttled'; readonly retryAfterMs: number }
  /** 503: the backend is there, and cannot promise now. */
  | { readonly kind: 'unavailable'; readonly retryAfterMs: number };

/** One bad field of a request; `field` is a path such as `folders[0].name`. */
export interface FieldProblem {
  readonly field: string;
  readonly expected: string;
}

/** What each method answers. */
export interface Replies {
  /** The watch is durable when this is answered. `token` replaces every older one of this endpoint. */
  readonly register: { readonly token: string };
  readonly defer: { readonly untilMs: number };
  readonly stop: Readonly<Record<string, never>>;
  readonly status: WatchReport;
  readonly key: { readonly keyId: string; readonly publicKey: string };
  readonly alive: { readonly watches: number };
}

export type MethodName = keyof Requests;

/** A reply, or why there is none. */
export type Answer<Method extends MethodName> =
  | { readonly ok: true; readonly reply: Replies[Method] }
  | { readonly ok: false; readonly refusal: Refusal };

/** The backend's side. Answers only after the decision is durable. Never rejects but by our own bug. */
export type MailService = {
  readonly [Method in MethodName]: (request: Requests[Method]) => Promise<Answer<Method>>;
};

/** The backend is gone, hung or does not speak our protocol. The device is answered 503 and Retry-After. */
export class BackendUnavailableError extends Error {
  override readonly name = 'BackendUnavailableError';
}

/** The gate's side: as the service, and each call settles within the configured deadline. @throws BackendUnavailableError */
export type MailBackend = MailService;
