import { expect } from 'chai';
import { judgeAddress, type Network, parseNetwork } from '../../src/mailwatch/egress/addresses.ts';
import { createEgress, type EgressDeps } from '../../src/mailwatch/egress.ts';

const PUBLIC = ['8.8.8.8', '93.184.215.14', '2606:4700:4700::1111', '::ffff:8.8.8.8'];
const BLOCKED = [
  ['0.0.0.0', 'this machine'],
  ['127.0.0.1', 'loopback'],
  ['127.8.9.10', 'loopback'],
  ['10.0.0.1', 'private'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.1.1', 'private'],
  ['100.64.0.1', 'carrier-grade NAT'],
  ['169.254.169.254', 'link-local, and the metadata of clouds'],
  ['192.0.2.1', 'documentation'],
  ['198.18.0.1', 'benchmarks'],
  ['224.0.0.1', 'multicast'],
  ['240.0.0.1', 'reserved'],
  ['255.255.255.255', 'broadcast'],
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['fe80::1', 'link-local'],
  ['fe80::1%eth0', 'link-local with a zone'],
  ['fc00::1', 'unique local'],
  ['fd00:ec2::254', 'unique local, and the metadata of clouds'],
  ['ff02::1', 'multicast'],
  ['::ffff:127.0.0.1', 'mapped loopback'],
  ['::ffff:10.0.0.1', 'mapped private'],
  ['::ffff:a9fe:a9fe', 'mapped link-local'],
  ['::7f00:1', 'IPv4-compatible loopback'],
  ['4000::1', 'not given out'],
  ['64:ff9b::7f00:1', 'NAT64'],
  ['2002:7f00:1::', '6to4'],
  ['2001::1', 'Teredo'],
  ['2001:db8::1', 'documentation'],
  ['0x7f000001', 'hexadecimal'],
  ['2130706433', 'one number'],
  ['017700000001', 'octal'],
  ['127.1', 'short form'],
  ['0177.0.0.1', 'octal part'],
  ['mail.example', 'no address'],
  ['', 'nothing'],
] as const;

const OFFICE = networks('10.1.0.0/16', 'fd00:1::/32', '192.168.7.7');

describe('the judgement of an address', () => {
  for (const address of PUBLIC) {
    it(`allows ${address}`, () => {
      expect(judgeAddress(address, []).kind).to.equal('allowed');
    });
  }
  for (const [address, why] of BLOCKED) {
    it(`blocks ${address || 'nothing'} (${why})`, () => {
      expect(judgeAddress(address, []).kind).to.equal('blocked');
    });
  }
  for (const address of ['10.1.2.3', '::ffff:10.1.2.3', 'fd00:1::5', '192.168.7.7']) {
    it(`allows ${address} when the operator does`, () => {
      expect(judgeAddress(address, OFFICE).kind).to.equal('allowed');
    });
  }
  for (const address of ['10.2.0.1', 'fd00:2::1', '192.168.7.8', '127.0.0.1']) {
    it(`blocks ${address} when the operator allows its neighbours`, () => {
      expect(judgeAddress(address, OFFICE).kind).to.equal('blocked');
    });
  }
  for (const text of [
    '',
    '10.0.0.0/33',
    '10.0.0/8',
    'mail.example',
    'fe80::1%eth0',
    '10.0.0.0/-1',
  ]) {
    it(`takes ${JSON.stringify(text)} for no network`, () => {
      expect(parseNetwork(text)).to.equal(undefined);
    });
  }
});

describe('the guard on the way out', () => {
  const rules = { allowedNetworks: [], ports: [993, 143], resolveMsMax: 10_000 };
  const guard = (deps: Partial<EgressDeps>) =>
    createEgress({ rules, resolve: async () => ['8.8.8.8', '2606:4700:4700::1111'], ...deps });

  it('gives the address that it has judged', async () => {
    expect(await guard({})('mail.example', 993)).to.deep.equal({ ok: true, address: '8.8.8.8' });
  });

  it('B16: asks DNS once, so that a name that is bound anew changes nothing', async () => {
    const answers = [['8.8.8.8'], ['127.0.0.1']];
    let asked = 0;
    const egress = guard({ resolve: async () => answers[asked++] ?? [] });
    expect(await egress('mail.example', 993)).to.deep.equal({ ok: true, address: '8.8.8.8' });
    expect(asked).to.equal(1);
    expect(await kindOf(egress('mail.example', 993))).to.equal('blocked');
  });

  it('blocks a name of which one address is blocked', async () => {
    const egress = guard({ resolve: async () => ['8.8.8.8', '::1'] });
    expect(await kindOf(egress('mail.example', 993))).to.equal('blocked');
  });

  for (const port of [25, 80, 992, 11211]) {
    it(`blocks port ${port}`, async () => {
      expect(await kindOf(guard({})('mail.example', port))).to.equal('blocked');
    });
  }

  for (const literal of [
    '127.0.0.1',
    '[::1]',
    '::1',
    '0x7f.1',
    '2130706433',
    '127.1',
    '10.0.0.1.',
  ]) {
    it(`blocks the literal ${literal} and asks no DNS`, async () => {
      const resolve = () => {
        throw new Error('asked');
      };
      expect(await kindOf(guard({ resolve })(literal, 993))).to.equal('blocked');
    });
  }

  it('takes a public literal', async () => {
    const answer = await guard({})('[2606:4700:4700::1111]', 993);
    expect(answer).to.deep.equal({ ok: true, address: '2606:4700:4700::1111' });
  });

  for (const [title, resolve] of [
    ['does not exist', () => Promise.reject(new Error('ENOTFOUND'))],
    ['has no address', async () => []],
  ] as const) {
    it(`calls a name that ${title} a failure of the network`, async () => {
      expect(await kindOf(guard({ resolve })('mail.example', 993))).to.equal('network');
    });
  }

  it('waits for DNS no longer than it may', async () => {
    const resolve = (_host: string, signal: AbortSignal) =>
      new Promise<readonly string[]>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    const egress = guard({ resolve, rules: { ...rules, resolveMsMax: 1 } });
    expect(await kindOf(egress('mail.example', 993))).to.equal('network');
  });
});

async function kindOf(answer: ReturnType<ReturnType<typeof createEgress>>): Promise<string> {
  const settled = await answer;
  return settled.ok ? 'allowed' : settled.failure.kind;
}

function networks(...texts: readonly string[]): readonly Network[] {
  return texts.flatMap((text) => parseNetwork(text) ?? []);
}
