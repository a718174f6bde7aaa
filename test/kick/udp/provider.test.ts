import { createSocket, type Socket } from 'node:dgram';
import { once, setMaxListeners } from 'node:events';
import { networkInterfaces } from 'node:os';
import { expect } from 'chai';
import type { KickProvider, Wake, WakeOutcome } from '../../../src/kick/provider.ts';
import { parseNetworks } from '../../../src/kick/udp/networks.ts';
import { createUdpProvider, type UdpProviderDeps, type UdpTarget } from '../../../src/kick/udp.ts';
import { quietLog } from '../../../src/log.ts';
import { newChannelId } from '../../../src/protocol/ids.ts';
import { Arrivals } from '../../support/arrivals.ts';
import { version } from '../../support/versions.ts';

const WOKEN: WakeOutcome = { kind: 'woken' };
const NOT_ALLOWED: WakeOutcome = { kind: 'refused', reason: 'AddressNotAllowed' };
const CHANNEL = newChannelId();
const BURST = 2000;

/** A device that listens on a port of its own. */
interface Device extends AsyncDisposable {
  readonly port: number;
  readonly datagrams: Arrivals<string>;
}

async function openDevice(address = '127.0.0.1'): Promise<Device> {
  const socket: Socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const datagrams = new Arrivals<string>();
  socket.on('message', (payload) => datagrams.push(payload.toString()));
  socket.bind(0, address);
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    datagrams,
    async [Symbol.asyncDispose]() {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

function open({
  networks: texts = ['127.0.0.0/8', '::1'],
  ...deps
}: Partial<Omit<UdpProviderDeps, 'networks'>> & { networks?: readonly string[] } = {}) {
  const reading = parseNetworks(texts);
  if (reading.kind === 'refused') throw new Error(reading.problems.join(' '));
  const provider = createUdpProvider({
    networks: reading.networks,
    limits: { inFlightMax: BURST },
    sendsUpdate: false,
    log: quietLog,
    ...deps,
  });
  return {
    provider,
    [Symbol.asyncDispose]: () => provider.close(),
  };
}

function wakeOf(ip: string, port: number): Wake<UdpTarget> {
  return { target: { type: 'udp', ip, port }, channelId: CHANNEL, version: version(7) };
}

function wake(provider: KickProvider<UdpTarget>, ip: string, port: number): Promise<WakeOutcome> {
  return provider.wake(wakeOf(ip, port), new AbortController().signal);
}

describe('the UDP provider', () => {
  it('sends an empty datagram', async () => {
    await using device = await openDevice();
    await using opened = open();
    expect(await wake(opened.provider, '127.0.0.1', device.port)).to.deep.equal(WOKEN);
    expect(await device.datagrams.next('a wake')).to.equal('');
  });

  it('sends channel and version when the operator wants it', async () => {
    await using device = await openDevice();
    await using opened = open({ sendsUpdate: true });
    await wake(opened.provider, '127.0.0.1', device.port);
    const payload = JSON.parse(await device.datagrams.next('a wake'));
    expect(payload).to.deep.equal({ channelID: CHANNEL, version: 7 });
  });

  it('sends to a mapped address as to the IPv4 address that it is', async () => {
    await using device = await openDevice();
    await using opened = open();
    expect(await wake(opened.provider, '::ffff:127.0.0.1', device.port)).to.deep.equal(WOKEN);
    await device.datagrams.next('a wake');
  });

  it('sends to IPv6, where the machine has it', async function () {
    // Many containers have no ::1, and nothing can be sent there then. Under CI that is a failure.
    if (!hasIpv6()) this.skip();
    await using device = await openDevice('::1');
    await using opened = open();
    expect(await wake(opened.provider, '::1', device.port)).to.deep.equal(WOKEN);
    await device.datagrams.next('a wake');
  });

  it('sends nothing outside the networks of the operator', async () => {
    await using device = await openDevice();
    await using opened = open({ networks: ['127.0.0.2', '10.0.0.0/8'] });
    for (const ip of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
      expect(await wake(opened.provider, ip, device.port)).to.deep.equal(NOT_ALLOWED);
    }
    await using other = open();
    await wake(other.provider, '127.0.0.1', device.port);
    await device.datagrams.next('the wake of the other provider');
    expect(device.datagrams.takeUnread()).to.deep.equal([]);
  });

  it('sends to nobody in particular neither, whatever the operator lists', async () => {
    await using opened = open({ networks: ['0.0.0.0/0', '::/0'] });
    for (const ip of ['255.255.255.255', '224.0.0.1', '0.0.0.0', '::', 'ff02::1']) {
      expect(await wake(opened.provider, ip, 9)).to.deep.equal(NOT_ALLOWED);
    }
  });

  it('goes on after a datagram that nobody listened for', async () => {
    const { port: deserted } = await letGo();
    await using device = await openDevice();
    await using opened = open();
    expect(await wake(opened.provider, '127.0.0.1', deserted)).to.deep.equal(WOKEN);
    expect(await wake(opened.provider, '127.0.0.1', device.port)).to.deep.equal(WOKEN);
    await device.datagrams.next('a wake');
  });

  it('takes a burst of 2,000', async () => {
    await using device = await openDevice();
    await using opened = open();
    const outcomes = await wakeMany(opened.provider, BURST, device.port);
    expect(new Set(outcomes.map(({ kind }) => kind))).to.deep.equal(new Set(['woken']));
    await device.datagrams.next('the first wake');
  });

  it('tells one wake more than it may have in flight to come later', async () => {
    await using device = await openDevice();
    await using opened = open({ limits: { inFlightMax: 3 } });
    const outcomes = await wakeMany(opened.provider, 4, device.port);
    expect(outcomes.map(({ kind }) => kind)).to.deep.equal(['woken', 'woken', 'woken', 'later']);
    expect(await wake(opened.provider, '127.0.0.1', device.port)).to.deep.equal(WOKEN);
  });

  it('settles at once when the caller gives up', async () => {
    await using device = await openDevice();
    await using opened = open();
    const controller = new AbortController();
    const waking = opened.provider.wake(wakeOf('127.0.0.1', device.port), controller.signal);
    controller.abort();
    expect((await waking).kind).to.equal('unanswered');
    const late = opened.provider.wake(wakeOf('127.0.0.1', device.port), controller.signal);
    expect((await late).kind).to.equal('later');
  });

  it('settles what is in flight when it is closed, and sends no more', async () => {
    await using device = await openDevice();
    const { provider } = open();
    const waking = wakeMany(provider, 3, device.port);
    await provider.close();
    for (const { kind } of await waking) expect(kind).to.equal('unanswered');
    expect((await wake(provider, '127.0.0.1', device.port)).kind).to.equal('later');
  });

  it('has no credentials that could be wrong', async () => {
    await using opened = open();
    expect(await opened.provider.checkCredentials()).to.deep.equal([]);
  });
});

function hasIpv6(): boolean {
  const addresses = Object.values(networkInterfaces()).flat();
  return addresses.some((address) => address?.address === '::1');
}

/** A port that nobody listens on. */
async function letGo(): Promise<{ readonly port: number }> {
  await using device = await openDevice();
  return { port: device.port };
}

function wakeMany(
  provider: KickProvider<UdpTarget>,
  count: number,
  port: number,
): Promise<readonly WakeOutcome[]> {
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  const wakes = Array.from({ length: count }, () =>
    provider.wake(wakeOf('127.0.0.1', port), signal),
  );
  return Promise.all(wakes);
}
