import { createHash } from 'node:crypto';
import { unreachable } from '../../assert.ts';
import type { Http2Request } from '../http2-exchange.ts';
import type { Wake } from '../provider.ts';
import type { ApnsAlert, ApnsApp, ApnsPush, ApnsTarget } from './app.ts';

/** What belongs to one request and not to its app. */
export interface ApnsRequestContext {
  /** `apns-id`, a UUID: Apple's logs name the push by it. */
  readonly id: string;
  readonly providerToken: string;
  readonly nowMs: number;
}

/** One wake-up as APNs wants it. Its payload has at most 4096 bytes, because the texts of an ApnsAlert are short. */
export function toApnsRequest(
  app: ApnsApp,
  wake: Wake<ApnsTarget>,
  { id, providerToken, nowMs }: ApnsRequestContext,
): Http2Request {
  return {
    method: 'POST',
    path: `/3/device/${wake.target.token.toLowerCase()}`,
    headers: {
      authorization: `bearer ${providerToken}`,
      'apns-id': id,
      'apns-topic': app.topic,
      'apns-push-type': app.push.kind,
      'apns-priority': PRIORITY_OF[app.push.kind],
      'apns-expiration': `${app.ttlMs === 0 ? 0 : Math.floor((nowMs + app.ttlMs) / 1000)}`,
      'apns-collapse-id': collapseId(wake.target),
    },
    body: JSON.stringify({ aps: apsOf(app.push), ...updateOf(app, wake) }),
  };
}

/** Apple demands 5 of a background push; 10 is "now" for one that a person sees. */
const PRIORITY_OF: Readonly<Record<ApnsPush['kind'], string>> = { background: '5', alert: '10' };

/** Wake-ups that wait for one phone become one. A hash: a header may stand in logs where the token must not. */
function collapseId({ token }: ApnsTarget): string {
  return createHash('sha256').update(token.toLowerCase()).digest('base64url');
}

function apsOf(push: ApnsPush): object {
  switch (push.kind) {
    case 'background':
      return { 'content-available': 1 };
    case 'alert':
      // Without content-available the person would be told, and the app would not.
      return { alert: alertOf(push.alert), 'content-available': 1 };
    default:
      return unreachable(push);
  }
}

function alertOf(alert: ApnsAlert): object {
  switch (alert.kind) {
    case 'texts':
      return { title: alert.title, body: alert.body };
    case 'localized':
      return { 'title-loc-key': alert.titleKey, 'loc-key': alert.bodyKey };
    default:
      return unreachable(alert);
  }
}

/** In the words of a notification over the socket. */
function updateOf({ carriesUpdate }: ApnsApp, { channelId, version }: Wake): object {
  return carriesUpdate ? { channelID: channelId, version } : {};
}
