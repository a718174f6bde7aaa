import { expect } from 'chai';
import fc from 'fast-check';
import type { KickTarget } from '../../../src/protocol/connect.ts';
import { FCM_TOKEN_CHARACTERS_MAX } from '../../../src/protocol/connect.ts';
import {
  type ChannelRecord,
  channelEndMs,
  channelKey,
  currentChannel,
  currentDevice,
  type DeviceRecord,
  decodeChannel,
  decodeDevice,
  deviceEndMs,
  deviceKey,
  encodeChannel,
  encodeDevice,
  isDueForRenewal,
  LISTED_CHANNELS_MAX,
} from '../../../src/storage/memcached/records.ts';
import { VALUE_BYTES_MAX } from '../../../src/storage/memcached/replies.ts';
import { type KickRecord, StoreUnavailableError } from '../../../src/storage/store.ts';
import { FUZZ } from '../../support/fuzz.ts';
import { newChannel, newDevice, TEST_LIMITS, version, written } from '../store-fixtures.ts';

const NOW_MS = 1_800_000_000_000;
const { channelTtlMs, goneTtlMs, updateTtlMs } = TEST_LIMITS;
const MEMCACHED_KEY = /^[A-Za-z0-9_-]{1,250}$/;

const time = fc.nat({ max: 2 ** 45 });
const pending = fc.record({
  version: fc.nat({ max: Number.MAX_SAFE_INTEGER }).map(version),
  storedAtMs: time,
});
const spelling = fc.constantFrom('', 'ABCDEF00-1111-4222-8333-444444444444', '0'.repeat(32));
const channelRecord: fc.Arbitrary<ChannelRecord> = fc.oneof(
  fc.record({
    kind: fc.constant('live' as const),
    seenAtMs: time,
    spelling,
    pending: fc.option(pending, { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('gone' as const), goneAtMs: time }),
  fc.record({ kind: fc.constant('void' as const), voidAtMs: time }),
);
const target: fc.Arbitrary<KickTarget> = fc.oneof(
  fc.record({ type: fc.constant('fcm' as const), token: fc.string({ minLength: 1 }) }),
  fc.record({
    type: fc.constant('udp' as const),
    ip: fc.ipV6(),
    port: fc.nat(65_535),
    mobileNetwork: fc.record({
      mcc: fc.constant('214'),
      mnc: fc.constant('07'),
      netid: fc.string({ unit: 'binary', maxLength: 255 }),
    }),
  }),
);
const kick: fc.Arbitrary<KickRecord> = fc.record(
  { target, givenAtMs: time, connectedAtMs: time, wokenAtMs: time },
  { requiredKeys: ['target', 'givenAtMs', 'connectedAtMs'] },
);
const deviceRecord: fc.Arbitrary<DeviceRecord> = fc.record({
  seenAtMs: time,
  channelIds: fc.array(fc.uuid().map((text) => written(text).channelId)),
  kick: fc.option(kick, { nil: undefined }),
});

describe('the records of the memcached store', () => {
  it('read a channel as it was written', () => {
    const check = fc.property(channelRecord, (record) => {
      const text = encodeChannel(record);
      expect(decodeChannel(text)).to.deep.equal(record);
      expect(text).to.match(/^[\x20-\x7e]*$/);
    });
    fc.assert(check, FUZZ);
  });

  it('read a device as it was written, in one byte a character', () => {
    const check = fc.property(deviceRecord, (record) => {
      const text = encodeDevice(record);
      expect(decodeDevice(text)).to.deep.equal(record);
      expect(text).to.match(/^[\x20-\x7e]*$/);
    });
    fc.assert(check, FUZZ);
  });

  for (const text of [
    '',
    'x',
    'l',
    'lx,',
    'l1,,x,1',
    'l1,,1',
    'l1,,9007199254740992,1',
    'g',
    'v-1',
  ]) {
    it(`take ${JSON.stringify(text)} for no channel`, () => {
      expect(() => decodeChannel(text)).to.throw(StoreUnavailableError);
    });
  }

  for (const text of [
    '',
    '1',
    '1,',
    'x,,',
    '1,AAAA,',
    '1,,{',
    '1,,{}',
    '1,,7',
    '1,,null',
    '1,,{"target":7}',
  ]) {
    it(`take ${JSON.stringify(text)} for no device`, () => {
      expect(() => decodeDevice(text)).to.throw(StoreUnavailableError);
    });
  }

  it('have keys that memcached takes, all different', () => {
    const [device, other, channel] = [newDevice(), newDevice(), newChannel()];
    const keys = [
      deviceKey(device),
      deviceKey(other),
      channelKey(device, channel),
      channelKey(device, newChannel()),
      channelKey(other, channel),
    ];
    expect(new Set(keys).size).to.equal(keys.length);
    for (const key of keys) expect(key).to.match(MEMCACHED_KEY);
    expect(channelKey(device, channel)).to.equal(keys[2]);
  });

  it('fit into one item with the longest list and the longest target', () => {
    const channelIds = Array.from({ length: LISTED_CHANNELS_MAX }, newChannel);
    const token = 'x'.repeat(FCM_TOKEN_CHARACTERS_MAX);
    const times = { givenAtMs: NOW_MS, connectedAtMs: NOW_MS, wokenAtMs: NOW_MS };
    const kick: KickRecord = { target: { type: 'fcm', token }, ...times };
    const text = encodeDevice({ seenAtMs: NOW_MS, channelIds, kick });
    expect(text.length).to.be.at.most(VALUE_BYTES_MAX);
  });
});

describe('the time of a memcached record', () => {
  const gone: ChannelRecord = { kind: 'gone', goneAtMs: NOW_MS };
  const live: ChannelRecord = {
    kind: 'live',
    seenAtMs: NOW_MS,
    spelling: '',
    pending: { version: version(7), storedAtMs: NOW_MS },
  };

  it('ends for a gone channel after goneTtlMs', () => {
    expect(currentChannel(gone, NOW_MS + goneTtlMs, TEST_LIMITS)).to.equal(gone);
    expect(currentChannel(gone, NOW_MS + goneTtlMs + 1, TEST_LIMITS)).to.equal(undefined);
  });

  it('ends for a pending version after updateTtlMs', () => {
    expect(currentChannel(live, NOW_MS + updateTtlMs, TEST_LIMITS)).to.equal(live);
    expect(currentChannel(live, NOW_MS + updateTtlMs + 1, TEST_LIMITS)).to.deep.equal({
      ...live,
      pending: undefined,
    });
  });

  it('ends for a channel and its device a renewal after channelTtlMs', () => {
    const device: DeviceRecord = { seenAtMs: NOW_MS, channelIds: [], kick: undefined };
    const endMs = NOW_MS + channelTtlMs * 1.1;
    expect(channelEndMs(live, TEST_LIMITS)).to.equal(endMs);
    expect(deviceEndMs(device, TEST_LIMITS)).to.equal(endMs);
    expect(currentChannel(live, endMs, TEST_LIMITS)?.kind).to.equal('live');
    expect(currentChannel(live, endMs + 1, TEST_LIMITS)).to.equal(undefined);
    expect(currentDevice(device, endMs, TEST_LIMITS)).to.equal(device);
    expect(currentDevice(device, endMs + 1, TEST_LIMITS)).to.equal(undefined);
  });

  it('is renewed once a tenth of it is over', () => {
    const tenthMs = channelTtlMs / 10;
    expect(isDueForRenewal(NOW_MS, NOW_MS + tenthMs - 1, TEST_LIMITS)).to.equal(false);
    expect(isDueForRenewal(NOW_MS, NOW_MS + tenthMs, TEST_LIMITS)).to.equal(true);
  });

  it('never begins for a void one', () => {
    const empty: ChannelRecord = { kind: 'void', voidAtMs: NOW_MS };
    expect(currentChannel(empty, NOW_MS, TEST_LIMITS)).to.equal(undefined);
  });
});
