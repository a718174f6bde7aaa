import { expect } from 'chai';
import { toFcmCheck, toFcmRequest } from '../../../src/kick/fcm/request.ts';
import { FCM_TOKEN_CHARACTERS_MAX } from '../../../src/protocol/connect.ts';
import { VERSION_MAX } from '../../../src/protocol/ids.ts';
import { readMessage } from '../../support/fake-fcm/messages.ts';
import { COLLAPSE_KEY, TTL_SECS, wakeOf } from './wakes.ts';

const DATA_BYTES_MAX = 100;
const rules = { ttlSecs: TTL_SECS, collapseKey: COLLAPSE_KEY, sendsUpdate: false };

describe('A message to FCM', () => {
  it('wakes with high priority, and says nothing by default', () => {
    expect(JSON.parse(toFcmRequest(wakeOf('phone'), rules))).to.deep.equal({
      message: {
        token: wakeOf('phone').target.token,
        data: { wake: '1' },
        android: { priority: 'HIGH', ttl: '60s', collapse_key: 'reveille' },
      },
    });
  });

  it('carries channel and version, as texts, when the operator wants it', () => {
    const wake = wakeOf('phone', { version: 7 });
    const { message } = JSON.parse(toFcmRequest(wake, { ...rules, sendsUpdate: true }));
    expect(message.data).to.deep.equal({ wake: '1', channelID: wake.channelId, version: '7' });
  });

  for (const ttlSecs of [0, 2_419_200]) {
    it(`writes a life of ${ttlSecs} s as a duration that FCM takes`, () => {
      const reading = readMessage(toFcmRequest(wakeOf('phone'), { ...rules, ttlSecs }));
      expect(reading.kind === 'taken' && reading.message.ttlSecs).to.equal(ttlSecs);
    });
  }

  it('stays far below the bound of FCM with the largest version and the longest token', () => {
    const token = 't'.repeat(FCM_TOKEN_CHARACTERS_MAX);
    const wake = {
      ...wakeOf('phone', { version: VERSION_MAX }),
      target: { type: 'fcm', token },
    } as const;
    const reading = readMessage(toFcmRequest(wake, { ...rules, sendsUpdate: true }));
    expect(reading.kind).to.equal('taken');
    const { message } = JSON.parse(toFcmRequest(wake, { ...rules, sendsUpdate: true }));
    expect(Object.entries(message.data).flat().join('').length).to.be.at.most(DATA_BYTES_MAX);
  });

  it('that only checks is validated and names no device', () => {
    expect(JSON.parse(toFcmCheck())).to.deep.equal({
      validate_only: true,
      message: { token: 'nobody' },
    });
  });
});
