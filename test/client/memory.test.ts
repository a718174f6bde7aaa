import { expect } from 'chai';
import { CHANNELS_MAX, EMPTY_MEMORY, parseMemory } from '../../src/client/memory.ts';

const CHANNEL = 'e0a713a4-e5eb-42e5-a70f-4f0aba5acc46';
const FULL = {
  deviceId: '0123456789abcdef0123456789abcdef',
  channels: [
    { channelId: CHANNEL, endpoint: 'http://push.test/update/token', lastVersion: 7 },
    { channelId: '4a6fbe57-9c84-4cf9-afbf-26a91acefcd5' },
  ],
};

describe('client/memory', () => {
  it('reads what it wrote', () => {
    expect(parseMemory(JSON.parse(JSON.stringify(FULL)))).to.deep.equal(FULL);
  });

  it('reads a memory without a device', () => {
    expect(parseMemory({ channels: [] })).to.deep.equal(EMPTY_MEMORY);
  });

  it('ignores members that it does not know', () => {
    expect(parseMemory({ ...FULL, colour: 'red' })).to.deep.equal(FULL);
  });

  const refused: readonly unknown[] = [
    undefined,
    null,
    'text',
    [],
    {},
    { deviceId: 'x', channels: [] },
    { deviceId: 5, channels: [] },
    { channels: {} },
    { channels: [{ channelId: CHANNEL }] },
    { ...FULL, channels: [null] },
    { ...FULL, channels: [{}] },
    { ...FULL, channels: [{ channelId: 'x' }] },
    { ...FULL, channels: [{ channelId: CHANNEL, endpoint: 5 }] },
    { ...FULL, channels: [{ channelId: CHANNEL, lastVersion: -1 }] },
    { ...FULL, channels: [{ channelId: CHANNEL, lastVersion: '7' }] },
  ];
  for (const value of refused) {
    it(`refuses ${JSON.stringify(value)}`, () => expect(parseMemory(value)).to.equal(undefined));
  }

  it('takes as many channels as a device may have, and not one more', () => {
    const channels = (count: number) => Array(count).fill({ channelId: CHANNEL });
    const memoryOf = (count: number) => parseMemory({ ...FULL, channels: channels(count) });
    expect(memoryOf(CHANNELS_MAX)?.channels).to.have.length(CHANNELS_MAX);
    expect(memoryOf(CHANNELS_MAX + 1)).to.equal(undefined);
  });
});
