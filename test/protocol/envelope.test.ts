import { expect } from 'chai';
import {
  type EnvelopeBinding,
  isPrivateKey,
  newSealingKey,
  open,
  SEALED_BYTES_MAX,
  type SealingKey,
  seal,
} from '../../src/protocol/envelope.ts';

const BINDING: EnvelopeBinding = {
  endpoint: 'https://push.example/update/abc',
  protocol: 'imap',
  host: 'mail.example',
  port: 993,
  security: 'tls',
};
const TEXT = JSON.stringify({ kind: 'password', username: 'ada', password: 'Grüße ✉' });

describe('an envelope', () => {
  let key: SealingKey;

  before(async () => {
    key = await newSealingKey();
  });

  it('opens with its key and its binding', async () => {
    const envelope = await seal(TEXT, key.publicKey, BINDING);
    expect(envelope).not.to.include('password');
    expect(await open(envelope, key.privateKey, BINDING)).to.equal(TEXT);
  });

  it('is another one each time', async () => {
    const both = [
      await seal(TEXT, key.publicKey, BINDING),
      await seal(TEXT, key.publicKey, BINDING),
    ];
    expect(new Set(both).size).to.equal(2);
  });

  const others: readonly Partial<EnvelopeBinding>[] = [
    { endpoint: 'https://push.example/update/abd' },
    { protocol: 'activesync' },
    { host: 'mail.evil.example' },
    { port: 143 },
    { security: 'starttls' },
    { endpoint: 'https://push.example/update/abc","imap', protocol: '' },
  ];
  for (const other of others) {
    it(`stays closed for another binding: ${JSON.stringify(other)}`, async () => {
      const envelope = await seal(TEXT, key.publicKey, BINDING);
      expect(await open(envelope, key.privateKey, { ...BINDING, ...other })).to.equal(undefined);
    });
  }

  it('stays closed for another key', async () => {
    const envelope = await seal(TEXT, key.publicKey, BINDING);
    const { privateKey } = await newSealingKey();
    expect(await open(envelope, privateKey, BINDING)).to.equal(undefined);
  });

  it('stays closed when any part of it was changed', async () => {
    const bytes = Buffer.from(await seal(TEXT, key.publicKey, BINDING), 'base64');
    for (const at of [0, 1, 64, 65, bytes.length - 17, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(
        await open(changed.toString('base64'), key.privateKey, BINDING),
        `byte ${at}`,
      ).to.equal(undefined);
    }
  });

  for (const none of ['', 'AAAA', 'no base64!', 'A'.repeat(65_536), '====']) {
    it(`is none: ${JSON.stringify(none.slice(0, 12))} of ${none.length} characters`, async () => {
      expect(await open(none, key.privateKey, BINDING)).to.equal(undefined);
    });
  }

  it('takes as much as it may hold, and no byte more', async () => {
    const full = 'x'.repeat(SEALED_BYTES_MAX);
    const envelope = await seal(full, key.publicKey, BINDING);
    expect(await open(envelope, key.privateKey, BINDING)).to.equal(full);
    const refusal = await seal(`${full}x`, key.publicKey, BINDING).catch((error: unknown) => error);
    expect(refusal).to.be.instanceOf(RangeError);
  });

  it('is not made for what is no key', async () => {
    for (const none of ['', 'AAAA', key.privateKey, 'B'.repeat(88)]) {
      const refusal = await seal(TEXT, none, BINDING).catch((error: unknown) => error);
      expect(refusal).to.be.instanceOf(RangeError);
    }
  });
});

describe('a sealing key', () => {
  it('is told from what is none', async () => {
    const { privateKey, publicKey } = await newSealingKey();
    expect(await isPrivateKey(privateKey)).to.equal(true);
    for (const none of ['', 'AAAA', publicKey, `${privateKey}A`]) {
      expect(await isPrivateKey(none)).to.equal(false);
    }
  });
});
