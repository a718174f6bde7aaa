import { expect } from 'chai';
import {
  currentDevice,
  dropDevice,
  editKick,
  editKickAtHello,
  type Moment,
  putUnheld,
  registerChannel,
  renew,
  unregisterChannel,
} from '../../../src/storage/embedded/device.ts';
import type { DeviceRecord } from '../../../src/storage/embedded/records.ts';
import { claimed, connected, encodeKick, given } from '../../../src/storage/kick-record.ts';
import type { KickRecord } from '../../../src/storage/store.ts';
import { newChannel, plain, TEST_LIMITS, version } from '../store-fixtures.ts';

const { channelsPerDeviceMax, channelTtlMs } = TEST_LIMITS;
const NOW_MS = 1_800_000_000_000;
const NOW: Moment = { nowMs: NOW_MS, limits: TEST_LIMITS };
const later = (byMs: number): Moment => ({ ...NOW, nowMs: NOW_MS + byMs });

const TARGET = { type: 'fcm', token: 'token' } as const;
const KICK: KickRecord = { target: TARGET, givenAtMs: NOW_MS, connectedAtMs: NOW_MS };
const stranger = currentDevice(undefined, NOW);
const channel = newChannel();
const device: DeviceRecord = {
  seenAtMs: NOW_MS,
  hadChannels: true,
  kickJson: encodeKick(KICK),
  channels: [{ kind: 'held', channelId: channel, written: channel }],
};

/** What devices do again and again. Each would cost a write to the disk. */
const REPEATED = [
  {
    what: 'a channel it holds is registered',
    edit: () => registerChannel(device, plain(channel), NOW),
  },
  {
    what: 'its hello is noted a second time',
    edit: () => editKickAtHello(device, connected(NOW_MS), NOW),
  },
  {
    what: 'a stranger says hello',
    edit: () => editKickAtHello(stranger, connected(NOW_MS), NOW),
  },
  {
    what: 'a stranger is to be woken',
    edit: () => editKick(stranger, claimed({ nowMs: NOW_MS, intervalMs: 1 })),
  },
  { what: 'it was seen a moment ago', edit: () => renew(device, later(channelTtlMs * 0.1)) },
  { what: 'a stranger is seen', edit: () => renew(stranger, NOW) },
  { what: 'a stranger is dropped', edit: () => dropDevice(stranger, NOW) },
  {
    what: 'a stranger takes back a target',
    edit: () => editKickAtHello(stranger, given(undefined, NOW_MS), NOW),
  },
  {
    what: 'a PUT comes to a gone channel',
    edit: () => putUnheld(goneOnly(1), { channelId: goneId(0), version: version(1) }, NOW),
  },
];

const goneIds = Array.from({ length: channelsPerDeviceMax + 1 }, newChannel);
function goneId(index: number) {
  return goneIds[index] ?? newChannel();
}
function goneOnly(count: number): DeviceRecord {
  const channels = goneIds
    .slice(0, count)
    .map((channelId) => ({ kind: 'gone', channelId, sinceMs: NOW_MS }) as const);
  return { ...device, channels };
}

describe('the device record of the embedded store', () => {
  for (const { what, edit } of REPEATED) {
    it(`is not written when ${what}`, () => {
      expect(edit().next).to.equal(undefined);
    });
  }

  it('is written when the device was last seen a tenth of its time ago', () => {
    const seenLater = later(channelTtlMs * 0.1 + 1);
    for (const { next } of [
      renew(device, seenLater),
      registerChannel(device, plain(channel), seenLater),
      editKickAtHello(device, connected(NOW_MS), seenLater),
    ]) {
      expect(next).to.deep.equal({ ...device, seenAtMs: seenLater.nowMs });
    }
  });

  it('needs room for a target, and none for the times of one that it has', () => {
    const giving = (from: DeviceRecord, token: string) =>
      editKickAtHello(from, given({ type: 'fcm', token }, NOW_MS + 1), NOW).grows;
    const former = { ...device, kickJson: JSON.stringify(TARGET) };
    expect(giving({ ...device, kickJson: '' }, 'token')).to.equal(true);
    expect(giving(device, 'x'.repeat(4096))).to.equal(true);
    expect(giving(device, 'token')).to.equal(false);
    expect(giving(former, 'token')).to.equal(false);
    const claim = editKick(device, claimed({ nowMs: NOW_MS, intervalMs: 1 }));
    expect(claim.grows).to.equal(undefined);
  });

  it('is not taken for seen when it is woken', () => {
    const wokenLater = claimed({ nowMs: NOW_MS + 7, intervalMs: 1 });
    expect(editKick(device, wokenLater).next?.seenAtMs).to.equal(NOW_MS);
  });

  it('is written when a held channel is spelled anew, and keeps its update', () => {
    const shouted = { channelId: channel, written: channel.toUpperCase() };
    const { next, withoutUpdatesOf } = registerChannel(device, shouted, NOW);
    expect(next?.channels).to.deep.equal([{ kind: 'held', ...shouted }]);
    expect(withoutUpdatesOf).to.equal(undefined);
  });

  it('remembers as many gone channels as the device may hold, the last ones', () => {
    const full = goneOnly(channelsPerDeviceMax);
    const { next } = unregisterChannel(full, goneId(channelsPerDeviceMax), NOW);
    expect(next?.channels.map(({ channelId }) => channelId)).to.deep.equal(goneIds.slice(1));
  });

  it('puts a channel that went again at the end of those to be forgotten', () => {
    const full = goneOnly(channelsPerDeviceMax);
    const again = unregisterChannel(full, goneId(0), NOW).next ?? full;
    const { next } = unregisterChannel(again, goneId(channelsPerDeviceMax), NOW);
    const ids = next?.channels.map(({ channelId }) => channelId);
    expect(ids).to.include(goneId(0)).and.not.to.include(goneId(1));
  });

  it('takes the updates of all channels along when the device is dropped', () => {
    const { next, withoutUpdatesOf } = dropDevice(device, NOW);
    expect(withoutUpdatesOf).to.deep.equal([channel]);
    expect(next?.kickJson).to.equal('');
    expect(next?.channels).to.deep.equal([{ kind: 'gone', channelId: channel, sinceMs: NOW_MS }]);
  });
});
