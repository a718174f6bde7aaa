import { expect } from 'chai';
import type { KickTarget } from '../../src/protocol/connect.ts';
import { FCM_TOKEN_CHARACTERS_MAX } from '../../src/protocol/connect.ts';
import type { GetSubject } from './store-contract.ts';
import {
  channelsOf,
  newChannel,
  newDevice,
  pendingOf,
  plain,
  targetOf,
  version,
} from './store-fixtures.ts';

const NOW_MS = 1_800_000_000_000;

const TARGETS: readonly { readonly name: string; readonly target: KickTarget }[] = [
  { name: 'an FCM token', target: { type: 'fcm', token: 'fX1:APA91b_~-' } },
  {
    name: 'the longest FCM token',
    target: { type: 'fcm', token: 'x'.repeat(FCM_TOKEN_CHARACTERS_MAX) },
  },
  { name: 'an APNs token', target: { type: 'apns', token: 'ab'.repeat(32) } },
  {
    name: 'an APNs token with a topic',
    target: { type: 'apns', token: 'ab'.repeat(32), topic: 'org.example.Mail' },
  },
  { name: 'an IPv4 address', target: { type: 'udp', ip: '192.0.2.7', port: 1 } },
  {
    name: 'an IPv6 address in a mobile network',
    target: {
      type: 'udp',
      ip: '2001:db8::7',
      port: 65_535,
      mobileNetwork: { mcc: '214', mnc: '07', netid: 'réseau "7"' },
    },
  },
];

/** Where a device is kicked. */
export function itKeepsTargets(getSubject: GetSubject): void {
  it('has no target of a stranger', async () => {
    expect(await targetOf(getSubject().store, newDevice())).to.equal(undefined);
  });

  for (const { name, target } of TARGETS) {
    it(`gives back ${name}`, async () => {
      const { store } = getSubject();
      const device = newDevice();
      await store.writeTarget(device, target, NOW_MS);
      expect(await targetOf(store, device)).to.deep.equal(target);
    });
  }

  it('keeps the target written last', async () => {
    const { store } = getSubject();
    const device = newDevice();
    for (const { target } of TARGETS) await store.writeTarget(device, target, NOW_MS);
    expect(await targetOf(store, device)).to.deep.equal(TARGETS.at(-1)?.target);
  });

  it('forgets a target, also twice', async () => {
    const { store } = getSubject();
    const device = newDevice();
    await store.writeTarget(device, { type: 'fcm', token: 'token' }, NOW_MS);
    await store.writeTarget(device, undefined, NOW_MS);
    expect(await targetOf(store, device)).to.equal(undefined);
    await store.writeTarget(device, undefined, NOW_MS);
    expect(await targetOf(store, device)).to.equal(undefined);
  });

  it('forgets the target of a dropped device', async () => {
    const { store } = getSubject();
    const device = newDevice();
    await store.registerChannel(device, plain(newChannel()));
    await store.writeTarget(device, { type: 'fcm', token: 'token' }, NOW_MS);
    await store.dropDevice(device);
    expect(await targetOf(store, device)).to.equal(undefined);
  });

  it('keeps target and channels apart', async () => {
    const { store } = getSubject();
    const [device, channel, other] = [newDevice(), newChannel(), newChannel()];
    const target: KickTarget = { type: 'fcm', token: 'token' };
    await store.registerChannel(device, plain(channel));
    await store.registerChannel(device, plain(other));
    await store.putUpdate(device, channel, version(7));
    await store.writeTarget(device, target, NOW_MS);
    expect(await pendingOf(store, device, channel)).to.equal(7);
    await store.unregisterChannel(device, other);
    expect(await targetOf(store, device)).to.deep.equal(target);
    await store.writeTarget(device, undefined, NOW_MS);
    expect(channelsOf(await store.readDevice(device, []))).to.have.length(1);
  });
}
