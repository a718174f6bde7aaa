import { expect } from 'chai';
import { NETWORKS_MAX, type Networks, parseNetworks } from '../../../src/kick/udp/networks.ts';

function networksOf(...texts: readonly string[]): Networks {
  const reading = parseNetworks(texts);
  if (reading.kind === 'refused') throw new Error(reading.problems.join(' '));
  return reading.networks;
}

const ANYWHERE = ['0.0.0.0/0', '::/0'];

const verdicts: readonly { list: readonly string[]; ip: string; isAllowed: boolean }[] = [
  { list: [], ip: '127.0.0.1', isAllowed: false },
  { list: ['10.0.0.0/8'], ip: '10.255.1.2', isAllowed: true },
  { list: ['10.0.0.0/8'], ip: '11.0.0.0', isAllowed: false },
  { list: ['10.0.0.0/8'], ip: '9.255.255.255', isAllowed: false },
  { list: ['192.0.2.7'], ip: '192.0.2.7', isAllowed: true },
  { list: ['192.0.2.7'], ip: '192.0.2.8', isAllowed: false },
  { list: ['192.0.2.0/31', '10.0.0.0/8'], ip: '192.0.2.1', isAllowed: true },
  { list: ['fd00::/8'], ip: 'fdab::1', isAllowed: true },
  { list: ['fd00::/8'], ip: 'FDAB:0:0:0::1', isAllowed: true },
  { list: ['fd00::/8'], ip: 'fe80::1', isAllowed: false },
  { list: ['2001:db8::1'], ip: '2001:db8:0::1', isAllowed: true },
  { list: ['2001:db8::1'], ip: '2001:db8::2', isAllowed: false },
  // A mapped address is the IPv4 address, in the list and in the target.
  { list: ['10.0.0.0/8'], ip: '::ffff:10.1.2.3', isAllowed: true },
  { list: ['10.0.0.0/8'], ip: '::ffff:a01:203', isAllowed: true },
  { list: ['10.0.0.0/8'], ip: '::ffff:11.1.2.3', isAllowed: false },
  { list: ['::ffff:10.0.0.0/104'], ip: '10.1.2.3', isAllowed: true },
  { list: ['::ffff:10.0.0.0/104'], ip: '11.1.2.3', isAllowed: false },
  { list: ['::ffff:10.0.0.1'], ip: '10.0.0.1', isAllowed: true },
  { list: ['::/0'], ip: '::ffff:10.1.2.3', isAllowed: false },
  { list: ['::/0'], ip: '10.1.2.3', isAllowed: false },
  { list: ['0.0.0.0/0'], ip: '2001:db8::1', isAllowed: false },
  { list: ANYWHERE, ip: '203.0.113.9', isAllowed: true },
  { list: ANYWHERE, ip: '2001:db8::1', isAllowed: true },
  // Where no single device is.
  { list: ANYWHERE, ip: '0.0.0.0', isAllowed: false },
  { list: ANYWHERE, ip: '0.1.2.3', isAllowed: false },
  { list: ANYWHERE, ip: '224.0.0.1', isAllowed: false },
  { list: ANYWHERE, ip: '239.255.255.255', isAllowed: false },
  { list: ANYWHERE, ip: '240.0.0.1', isAllowed: false },
  { list: ANYWHERE, ip: '255.255.255.255', isAllowed: false },
  { list: ['255.255.255.255'], ip: '255.255.255.255', isAllowed: false },
  { list: ANYWHERE, ip: '223.255.255.255', isAllowed: true },
  { list: ANYWHERE, ip: '::', isAllowed: false },
  { list: ANYWHERE, ip: 'ff02::1', isAllowed: false },
  { list: ANYWHERE, ip: '::ffff:224.0.0.1', isAllowed: false },
  { list: ANYWHERE, ip: '::ffff:0.0.0.0', isAllowed: false },
  // No address at all.
  { list: ANYWHERE, ip: 'localhost', isAllowed: false },
  { list: ANYWHERE, ip: '', isAllowed: false },
  { list: ANYWHERE, ip: '010.1.2.3', isAllowed: false },
  { list: ANYWHERE, ip: '10.1.2', isAllowed: false },
  { list: ANYWHERE, ip: 'fe80::1%eth0', isAllowed: false },
];

const NO_NETWORK = 'is not a network such as 10.0.0.0/8 or fd00::/8.';
const refused: readonly { text: string; problem: string }[] = [
  { text: '', problem: `"" ${NO_NETWORK}` },
  { text: 'devices.example', problem: `"devices.example" ${NO_NETWORK}` },
  { text: '10.0.0.0/', problem: `"10.0.0.0/" ${NO_NETWORK}` },
  { text: '10.0.0.0/08', problem: `"10.0.0.0/08" ${NO_NETWORK}` },
  { text: '10.0.0.0/-1', problem: `"10.0.0.0/-1" ${NO_NETWORK}` },
  { text: '10.0.0.0/8/8', problem: `"10.0.0.0/8/8" ${NO_NETWORK}` },
  { text: '10.0.0/8', problem: `"10.0.0/8" ${NO_NETWORK}` },
  { text: 'fe80::1%eth0/64', problem: `"fe80::1%eth0/64" ${NO_NETWORK}` },
  { text: '10.0.0.0/33', problem: '"10.0.0.0/33" has more than 32 bits.' },
  { text: 'fd00::/129', problem: '"fd00::/129" has more than 128 bits.' },
  {
    text: '::ffff:10.0.0.0/95',
    problem: '"::ffff:10.0.0.0/95" holds more than mapped IPv4 addresses.',
  },
  {
    text: '10.1.0.0/8',
    problem: '"10.1.0.0/8" has bits after its prefix: is the prefix too short?',
  },
  {
    text: 'fd00::1/64',
    problem: '"fd00::1/64" has bits after its prefix: is the prefix too short?',
  },
  { text: '0.0.0.1/0', problem: '"0.0.0.1/0" has bits after its prefix: is the prefix too short?' },
];

describe('The networks of devices', () => {
  for (const { list, ip, isAllowed } of verdicts) {
    it(`${isAllowed ? 'hold' : 'do not hold'} ${ip || 'nothing'} when they are ${list.join(', ') || 'none'}`, () => {
      expect(networksOf(...list).allow(ip)).to.equal(isAllowed);
    });
  }

  for (const { text, problem } of refused) {
    it(`cannot be ${JSON.stringify(text)}`, () => {
      expect(parseNetworks([text])).to.deep.equal({ kind: 'refused', problems: [problem] });
    });
  }

  it('are refused with every problem at once', () => {
    const reading = parseNetworks(['a', '10.0.0.0/8', 'b']);
    expect(reading.kind === 'refused' && reading.problems).to.have.length(2);
  });

  it('may be as many as their bound, and not one more', () => {
    const texts = Array.from({ length: NETWORKS_MAX }, (_, at) => `10.${at >> 8}.${at & 255}.0/24`);
    expect(networksOf(...texts).allow('10.3.231.9')).to.equal(true);
    expect(parseNetworks([...texts, '192.0.2.0/24']).kind).to.equal('refused');
  });
});
