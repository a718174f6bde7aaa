import { expect } from 'chai';
import type { ApnsApp, ApnsPush, ApnsTarget } from '../../../src/kick/apns/app.ts';
import { toApnsRequest } from '../../../src/kick/apns/request.ts';
import type { Wake } from '../../../src/kick/provider.ts';
import { newChannelId, VERSION_MAX, type Version } from '../../../src/protocol/ids.ts';
import { APP, wakeOf } from './open-apns.ts';

const CONTEXT = {
  id: '0f8fad5b-d9cb-469f-a165-70867728950e',
  providerToken: 'head.claims.signature',
  nowMs: 1_800_000_000_900,
};
const TEXTS: ApnsPush = {
  kind: 'alert',
  alert: { kind: 'texts', title: 'Mail', body: 'Something is new' },
};
const BODY_ONLY: ApnsPush = { kind: 'alert', alert: { kind: 'texts', body: 'New' } };
const LOCALIZED: ApnsPush = {
  kind: 'alert',
  alert: { kind: 'localized', titleKey: 'NEW_TITLE', bodyKey: 'NEW_BODY' },
};

describe('toApnsRequest', () => {
  const pushes: readonly (readonly [string, ApnsPush, object, string])[] = [
    ['a background push', { kind: 'background' }, { 'content-available': 1 }, '5'],
    [
      'an alert',
      TEXTS,
      { alert: { title: 'Mail', body: 'Something is new' }, 'content-available': 1 },
      '10',
    ],
    [
      'an alert without a title',
      BODY_ONLY,
      { alert: { body: 'New' }, 'content-available': 1 },
      '10',
    ],
    [
      'an alert in the phone’s language',
      LOCALIZED,
      { alert: { 'title-loc-key': 'NEW_TITLE', 'loc-key': 'NEW_BODY' }, 'content-available': 1 },
      '10',
    ],
  ];
  for (const [name, push, aps, priority] of pushes) {
    it(`writes ${name}`, () => {
      const { headers, body } = requestOf({ push });
      expect(JSON.parse(body)).to.deep.equal({ aps });
      expect(headers['apns-push-type']).to.equal(push.kind);
      expect(headers['apns-priority']).to.equal(priority);
    });
  }

  it('writes path, topic, id and token', () => {
    const { method, path, headers } = requestOf({});
    expect({ method, path }).to.deep.equal({
      method: 'POST',
      path: `/3/device/${wakeOf(10).target.token}`,
    });
    expect(headers).to.include({
      authorization: 'bearer head.claims.signature',
      'apns-topic': APP.topic,
      'apns-id': CONTEXT.id,
    });
  });

  it('writes a device token in small letters, however the device wrote it', () => {
    const token = wakeOf(10).target.token;
    expect(requestOf({}, token.toUpperCase())).to.deep.equal(requestOf({}, token));
  });

  for (const [ttlMs, expiration] of [
    [0, '0'],
    [1, '1800000000'],
    [3_600_000, '1800003600'],
  ] as const) {
    it(`lets a wake-up of ${ttlMs} ms expire at ${expiration}`, () => {
      expect(requestOf({ ttlMs }).headers['apns-expiration']).to.equal(expiration);
    });
  }

  it('collapses the wake-ups of one device, without its token', () => {
    const first = requestOf({}).headers['apns-collapse-id'];
    expect(requestOf({}).headers['apns-collapse-id']).to.equal(first);
    expect(requestOf({}, wakeOf(11).target.token).headers['apns-collapse-id']).not.to.equal(first);
    expect(Buffer.byteLength(String(first))).to.be.within(1, 64);
    expect(first).not.to.include(wakeOf(10).target.token);
  });

  it('carries channel and version when the operator wants it', () => {
    const wake = wakeOf(10);
    const { body } = toApnsRequest(appOf({ carriesUpdate: true }), wake, CONTEXT);
    expect(JSON.parse(body)).to.deep.equal({
      aps: { 'content-available': 1 },
      channelID: wake.channelId,
      version: wake.version,
    });
  });

  it('stays within 4096 bytes with the longest texts that the config takes', () => {
    for (const character of ['\u0000', '\ud800', '世', '😀', '"']) {
      const text = character.repeat(200);
      const push: ApnsPush = { kind: 'alert', alert: { kind: 'texts', title: text, body: text } };
      const wake: Wake<ApnsTarget> = {
        ...wakeOf(10),
        channelId: newChannelId(),
        version: VERSION_MAX as Version,
      };
      const { body } = toApnsRequest(appOf({ push, carriesUpdate: true }), wake, CONTEXT);
      expect(Buffer.byteLength(body)).to.be.at.most(4096);
    }
  });
});

function appOf(changes: Partial<ApnsApp>): ApnsApp {
  return { ...APP, origin: 'https://localhost', ...changes };
}

function requestOf(changes: Partial<ApnsApp>, token = wakeOf(10).target.token) {
  const wake: Wake<ApnsTarget> = { ...wakeOf(10), target: { type: 'apns', token } };
  return toApnsRequest(appOf(changes), wake, CONTEXT);
}
