import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { makeTemporaryFolder } from './temporary-folder.ts';

const run = promisify(execFile);

/** A certificate and its key, in PEM. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

/** What nobody should believe, each for `localhost`. */
export interface BadCertificates {
  readonly selfSigned: Pair;
  /** Of an authority that `ca` names, and over since 2021. */
  readonly expired: Pair;
  readonly ca: string;
}

/** Made by the openssl command. */
export async function makeBadCertificates(): Promise<BadCertificates> {
  await using folder = await makeTemporaryFolder();
  const file = (name: string) => `${folder.path}/${name}`;
  const newKey = ['-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  const selfSign = (name: string, ...args: readonly string[]) =>
    run('openssl', [
      ...['req', '-x509', ...newKey, '-days', '2', '-subj', `/CN=${name}`],
      ...['-keyout', file(`${name}.key`), '-out', file(`${name}.crt`), ...args],
    ]);
  await selfSign('localhost', '-addext', 'subjectAltName=DNS:localhost');
  await selfSign('authority');
  await run('openssl', [
    ...['req', ...newKey, '-subj', '/CN=localhost'],
    ...['-keyout', file('expired.key'), '-out', file('expired.csr')],
  ]);
  await writeFile(file('index'), '');
  await writeFile(
    file('ca.conf'),
    `
[ca]
default_ca = only
[only]
database = ${file('index')}
new_certs_dir = ${folder.path}
certificate = ${file('authority.crt')}
private_key = ${file('authority.key')}
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = DNS:localhost
`,
  );
  await run('openssl', [
    ...['ca', '-batch', '-config', file('ca.conf'), '-in', file('expired.csr')],
    ...['-out', file('expired.crt'), '-notext'],
    ...['-startdate', '20200101000000Z', '-enddate', '20210101000000Z'],
  ]);
  const read = (name: string) => readFile(file(name), 'utf8');
  const pair = async (name: string) => ({
    certificate: await read(`${name}.crt`),
    key: await read(`${name}.key`),
  });
  return {
    selfSigned: await pair('localhost'),
    expired: await pair('expired'),
    ca: await read('authority.crt'),
  };
}
