/**
 * From one request to one answer, without a socket (protocol.md, "App-server side"). The rims, node-endpoint.ts and uws-endpoint.ts, read
 * requests and write answers; what an answer is, is decided here.
 */
import type { Clock } from '../clock.ts';
import { type Deliver, type DeliveryOutcome, isQueueFailure, isStoreFailure } from '../delivery.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { ChannelId, DeviceId, RequestId, Version } from '../protocol/ids.ts';
import type { EndpointAnswer } from '../protocol/statuses.ts';
import type { TokenContent } from '../protocol/token.ts';
import { createRateLimit } from './rate-limit.ts';
import { type FormRules, type FormSource, readUpdateForm, type UpdateForm } from './update-form.ts';

/** What the head of a request alone decides. */
export type Routed =
  | { readonly kind: 'put'; readonly content: TokenContent }
  | { readonly kind: 'answer'; readonly answer: EndpointAnswer }
  /** A public probe, for load balancers. */
  | { readonly kind: 'probe'; readonly path: string };

export interface PutUpdateDeps {
  readonly openToken: (token: string) => TokenContent | undefined;
  readonly deliver: Deliver;
  /** Whether one more PUT may pass within this second. */
  readonly mayPass: () => boolean;
  readonly rules: FormRules;
  /** PUTs that may wait for the store at once; one more is answered 503. */
  readonly putsInHandMax: number;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** One PUT whose body was read. */
export interface PutInHand {
  readonly requestId: RequestId;
  /** Must not throw. */
  onAnswer(answer: EndpointAnswer): void;
}

export interface PutUpdate {
  /** Decides by method and path, without I/O, before the body is read. `path` without its query. */
  route(method: string, path: string): Routed;
  /**
   * Stores and delivers, and tells `put` the answer, once: at once when it refuses the form, later otherwise. Never throws: a failure is
   * an answer. The request itself is told, since a promise of the answer would cost each PUT some objects and a turn.
   */
  put(content: TokenContent, source: FormSource, put: PutInHand): void;
  /** PUTs that wait for the store now. */
  readonly inHand: number;
  /** From now on each PUT is answered 503: the node drains. */
  drain(): void;
}

/** A store that is away fails each of many thousand PUTs a second; some of their request ids are enough to follow it. */
const FAILURES_LOGGED_PER_SECOND_MAX = 5;
const ANSWER_TO: Readonly<Record<DeliveryOutcome, EndpointAnswer>> = {
  delivered: 'delivered',
  stored: 'stored',
  kicked: 'stored',
  gone: 'gone',
  unkept: 'unavailable',
};
const UPDATE_PATH = '/update/';
/** Methods are case-sensitive (RFC 9110, section 9.1). */
const PROBING = /^(?:GET|HEAD)$/;
const INVALID_TOKEN: Routed = { kind: 'answer', answer: 'invalidToken' };
const NOT_FOUND: Routed = { kind: 'answer', answer: 'notFound' };
const METHOD_NOT_ALLOWED: Routed = { kind: 'answer', answer: 'methodNotAllowed' };
const OPTIONS: Routed = { kind: 'answer', answer: 'options' };
const UNAVAILABLE: Routed = { kind: 'answer', answer: 'unavailable' };
const TOO_MANY: Routed = { kind: 'answer', answer: 'tooManyRequests' };

export function createPutUpdate(deps: PutUpdateDeps): PutUpdate {
  const { openToken, deliver, rules, mayPass, putsInHandMax, metrics, clock, log } = deps;
  const mayLog = createRateLimit(clock, FAILURES_LOGGED_PER_SECOND_MAX);
  let inHand = 0;
  let isDraining = false;

  function routePut(token: string): Routed {
    // A slash or an empty segment is another path, not a bad token.
    if (token === '' || token.includes('/')) return NOT_FOUND;
    if (isDraining || inHand >= putsInHandMax) return UNAVAILABLE;
    if (!mayPass()) return TOO_MANY;
    const content = openToken(token);
    return content === undefined ? INVALID_TOKEN : { kind: 'put', content };
  }

  /** As for a PUT, but for what a token cannot decide: so HEAD asks whether an endpoint is one of ours, and changes nothing. */
  function routeOther(token: string): Routed {
    const routed = routePut(token);
    return routed.kind === 'put' ? METHOD_NOT_ALLOWED : routed;
  }

  function onFailure(error: unknown, requestId: RequestId): void {
    if (isStoreFailure(error)) {
      metrics.storeErrors.put.count++;
      if (mayLog()) log.warn({ requestId, err: error }, 'put.store.failed');
    } else if (isQueueFailure(error)) {
      if (mayLog()) log.warn({ requestId, err: error }, 'put.kick.failed');
    } else if (mayLog()) {
      log.error({ requestId, err: error }, 'put.failed');
    }
  }

  return {
    route(method, path) {
      // A PUT to a probe's path comes from an app server with a wrong URL: 200 would tell it that its update was stored.
      if (!path.startsWith(UPDATE_PATH))
        return PROBING.test(method) ? { kind: 'probe', path } : NOT_FOUND;
      if (method === 'OPTIONS') return OPTIONS;
      const token = path.slice(UPDATE_PATH.length);
      return method === 'PUT' ? routePut(token) : routeOther(token);
    },
    put(content, source, put) {
      const begunMs = clock.monotonicMs();
      inHand++;
      const end = (answer: EndpointAnswer) => {
        inHand--;
        metrics.putDuration.observe(clock.monotonicMs() - begunMs);
        put.onAnswer(answer);
      };
      const fail = (error: unknown) => {
        onFailure(error, put.requestId);
        end('unavailable');
      };
      const deliverForm = (form: UpdateForm) => {
        if (form.kind === 'refused') return end(form.answer);
        const { version, data } = form;
        try {
          const { deviceId, channelId } = content;
          const delivered = deliver(deviceId, { channelId, version, data });
          // Asked first: a PUT that nobody follows pays nothing for the line.
          const followed = log.isDebugging
            ? follow(delivered, { requestId: put.requestId, deviceId, channelId, version }, log)
            : delivered;
          followed.then((outcome) => end(ANSWER_TO[outcome]), fail);
        } catch (error) {
          // A bug of ours costs this PUT and not the process: nobody above catches.
          fail(error);
        }
      };
      const form = readUpdateForm(source, rules);
      if (form instanceof Promise) void form.then(deliverForm);
      else deliverForm(form);
    },
    get inHand() {
      return inHand;
    },
    drain() {
      isDraining = true;
    },
  };
}

interface FollowedPut {
  readonly requestId: RequestId;
  readonly deviceId: DeviceId;
  readonly channelId: ChannelId;
  readonly version: Version;
}

/** Says where the update went, in the fields of the kick worker's lines, by which a kick that follows from it is found. */
async function follow(
  delivered: Promise<DeliveryOutcome>,
  put: FollowedPut,
  log: Log,
): Promise<DeliveryOutcome> {
  const outcome = await delivered;
  log.debug({ ...put, outcome }, 'put.answered');
  return outcome;
}
