import { expect } from 'chai';
import fc from 'fast-check';
import { assert } from '../../../src/assert.ts';
import { type ChannelId, parseDeviceId } from '../../../src/protocol/ids.ts';
import {
  type ChannelEntry,
  channelOfKey,
  type DeviceRecord,
  decodeDevice,
  decodeUpdate,
  deviceKey,
  deviceKeyOf,
  encodeDevice,
  encodeUpdate,
  holdsChannelOf,
  kickJsonOf,
  seenAtMsOf,
  updateKey,
  updateKeysOf,
} from '../../../src/storage/embedded/records.ts';
import { newDevice, version, written } from '../store-fixtures.ts';

const TIME_MS_MAX = 2 ** 48 - 1;

const time = fc.nat(TIME_MS_MAX);
const channelId = fc.uuid().map((text): ChannelId => written(text).channelId);
const entry: fc.Arbitrary<ChannelEntry> = fc.oneof(
  channelId.map((id): ChannelEntry => ({ kind: 'held', channelId: id, written: id })),
  channelId.map((id): ChannelEntry => ({ kind: 'held', channelId: id, written: id.toUpperCase() })),
  channelId.map(
    (id): ChannelEntry => ({ kind: 'held', channelId: id, written: id.replaceAll('-', '') }),
  ),
  fc.record({ kind: fc.constant('gone' as const), channelId, sinceMs: time }),
);
const device: fc.Arbitrary<DeviceRecord> = fc.record({
  seenAtMs: time,
  hadChannels: fc.boolean(),
  kickJson: fc.oneof(fc.constant(''), fc.json({ maxDepth: 1 })),
  channels: fc.uniqueArray(entry, { selector: (one) => one.channelId, maxLength: 20 }),
});

describe('the records of the embedded store', () => {
  it('give back every device', () => {
    fc.assert(
      fc.property(device, (record) => {
        const bytes = encodeDevice(record);
        expect(decodeDevice(bytes)).to.deep.equal(record);
        expect(seenAtMsOf(bytes)).to.equal(record.seenAtMs);
        expect(kickJsonOf(bytes)).to.equal(record.kickJson);
      }),
    );
  });

  it('tell which channels a device holds without decoding it', () => {
    fc.assert(
      fc.property(device, channelId, (record, other) => {
        const bytes = encodeDevice(record);
        const deviceId = newDevice();
        for (const channel of record.channels) {
          const isHeld = holdsChannelOf(bytes, updateKey(deviceId, channel.channelId));
          expect(isHeld).to.equal(channel.kind === 'held');
        }
        expect(holdsChannelOf(bytes, updateKey(deviceId, other))).to.equal(false);
      }),
    );
  });

  it('give back the largest device', () => {
    const record: DeviceRecord = {
      seenAtMs: TIME_MS_MAX,
      hadChannels: true,
      kickJson: JSON.stringify({ type: 'fcm', token: 'x'.repeat(4096) }),
      channels: fc.sample(channelId, 400).map((id, at) => {
        if (at % 2 === 0) return { kind: 'gone', channelId: id, sinceMs: TIME_MS_MAX };
        return { kind: 'held', channelId: id, written: id.toUpperCase() };
      }),
    };
    expect(decodeDevice(encodeDevice(record))).to.deep.equal(record);
  });

  it('give back every update', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), time, (value, storedAtMs) => {
        const pending = { version: version(value), storedAtMs };
        expect(decodeUpdate(encodeUpdate(pending))).to.deep.equal(pending);
      }),
    );
  });

  it('have keys of bytes that ids are spelled with', () => {
    const deviceId = parseDeviceId('00112233445566778899aabbccddeeff');
    assert(deviceId !== undefined, 'these are 32 hex digits');
    const channel = written('01234567-89ab-cdef-fedc-ba9876543210').channelId;
    const device = '00112233445566778899aabbccddeeff';
    expect(deviceKey(deviceId).toString('hex')).to.equal(`10${device}`);
    const key = updateKey(deviceId, channel);
    expect(key.toString('hex')).to.equal(`11${device}0123456789abcdeffedcba9876543210`);
    expect(deviceKeyOf(key).toString('hex')).to.equal(`10${device}`);
    expect(channelOfKey(key)).to.equal(channel);
  });

  it('have the keys of all updates of a device, and no others, between its two bounds', () => {
    fc.assert(
      fc.property(channelId, (id) => {
        const [one, other] = [newDevice(), newDevice()];
        const { start, end } = updateKeysOf(one);
        const isWithin = (key: Buffer) => key.compare(start) >= 0 && key.compare(end) < 0;
        expect(isWithin(updateKey(one, id))).to.equal(true);
        expect(isWithin(updateKey(other, id))).to.equal(false);
        expect(isWithin(deviceKey(one))).to.equal(false);
      }),
    );
  });
});
