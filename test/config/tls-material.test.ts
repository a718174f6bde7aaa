import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadTlsMaterial } from '../../src/config/tls-material.ts';
import { type CertificateFiles, encryptKey, makeCertificate } from './certificates.ts';
import { configOf } from './load.ts';

const DAY_MS = 86_400_000;

describe('TLS material', () => {
  let folder: string;
  let good: CertificateFiles;
  let other: CertificateFiles;
  let short: CertificateFiles;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'reveille-tls-'));
    [good, other, short] = await Promise.all([
      makeCertificate(folder, 'good'),
      makeCertificate(folder, 'other'),
      makeCertificate(folder, 'short', { newKey: ['rsa:512'] }),
    ]);
    await encryptKey(good.keyPath, join(folder, 'encrypted.key'));
    await writeFile(join(folder, 'garbage'), 'secret garbage');
  });
  after(() => rm(folder, { recursive: true }));

  const load = ({ certificatePath, keyPath }: CertificateFiles, nowMs = Date.now()) => {
    const text = `
      [endpoint]
      tls_certificate_path = "${certificatePath}"
      tls_key_path = "${keyPath}"`;
    return loadTlsMaterial('endpoint', configOf(text), nowMs);
  };
  const problemsOf = async (files: CertificateFiles) => {
    const loaded = await load(files);
    return loaded.ok ? [] : loaded.problems;
  };

  it('is none where no TLS is configured', async () => {
    const loaded = await loadTlsMaterial('socket', configOf(''), Date.now());
    expect(loaded).to.deep.equal({ ok: true, material: undefined, warnings: [] });
  });

  it('is what the files hold', async () => {
    expect(await load(good)).to.deep.equal({
      ok: true,
      material: {
        certificatePem: await readFile(good.certificatePath, 'utf8'),
        keyPem: await readFile(good.keyPath, 'utf8'),
      },
      warnings: [],
    });
  });

  it('may be a chain', async () => {
    const certificatePath = join(folder, 'chain.crt');
    const parts = [good, other].map((files) => readFile(files.certificatePath, 'utf8'));
    await writeFile(certificatePath, (await Promise.all(parts)).join(''));
    expect(await load({ ...good, certificatePath })).to.include({ ok: true });
  });

  const times = [
    { when: 'has expired', nowMs: () => Date.now() + 2 * DAY_MS, warning: /expired on/ },
    { when: 'is not valid yet', nowMs: () => Date.now() - DAY_MS, warning: /is valid from/ },
  ];
  for (const { when, nowMs, warning } of times) {
    it(`is given with a warning when the certificate ${when}`, async () => {
      const loaded = await load(good, nowMs());
      if (!loaded.ok || !loaded.material) return expect.fail('it was refused');
      expect(loaded.warnings).to.have.lengthOf(1);
      expect(loaded.warnings[0]).to.match(warning).and.include(good.certificatePath);
    });
  }

  it('is refused when the key is that of another certificate', async () => {
    expect(await problemsOf({ ...good, keyPath: other.keyPath })).to.deep.equal([
      {
        key: 'endpoint.tls_key_path',
        expected: `the private key of the certificate in ${good.certificatePath}`,
        found: 'the key of another',
      },
    ]);
  });

  it('is refused when either file is missing, and both are told', async () => {
    const missing = { certificatePath: join(folder, 'a'), keyPath: join(folder, 'b') };
    expect(await problemsOf(missing)).to.deep.equal([
      {
        key: 'endpoint.tls_certificate_path',
        expected: `a readable file at ${missing.certificatePath}`,
        found: 'ENOENT',
      },
      {
        key: 'endpoint.tls_key_path',
        expected: `a readable file at ${missing.keyPath}`,
        found: 'ENOENT',
      },
    ]);
  });

  it('is refused when a file is not PEM, without showing it', async () => {
    const garbage = join(folder, 'garbage');
    const problems = await problemsOf({ certificatePath: garbage, keyPath: garbage });
    expect(problems.map(({ expected }) => expected)).to.deep.equal([
      `a certificate in PEM, in ${garbage}`,
      `a private key in PEM, without passphrase, in ${garbage}`,
    ]);
    expect(JSON.stringify(problems)).to.not.include('secret');
  });

  it('is refused when certificate and key are swapped', async () => {
    const { certificatePath, keyPath } = good;
    const swapped = await problemsOf({ certificatePath: keyPath, keyPath: certificatePath });
    expect(swapped).to.have.lengthOf(2);
  });

  it('is refused when the key needs a passphrase', async () => {
    const [problem] = await problemsOf({ ...good, keyPath: join(folder, 'encrypted.key') });
    expect(problem?.expected).to.match(/without passphrase/);
  });

  it('is refused when TLS would not serve it', async () => {
    const [problem] = await problemsOf(short);
    expect(problem).to.deep.equal({
      key: 'endpoint.tls_certificate_path',
      expected: `a certificate that can be served, in ${short.certificatePath}`,
      found: 'ERR_SSL_EE_KEY_TOO_SMALL',
    });
  });
});
