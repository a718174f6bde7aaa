import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { makeTemporaryFolder } from './temporary-folder.ts';

const run = promisify(execFile);

/** All in PEM. */
export interface KickCertificates {
  /** Who trusts this one trusts the certificate; nobody else does. */
  readonly ca: string;
  /** For `localhost` and `127.0.0.1`. */
  readonly certificate: string;
  readonly key: string;
}

/** A local authority and a certificate of its making, by the openssl command; a day old at most. */
export async function makeKickCertificates(): Promise<KickCertificates> {
  await using folder = await makeTemporaryFolder();
  const file = (name: string) => `${folder.path}/${name}`;
  const make = (name: string, ...args: readonly string[]) =>
    run('openssl', [
      ...['req', '-x509', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
      ...['-days', '2', '-keyout', file(`${name}.key`), '-out', file(`${name}.crt`)],
      ...args,
    ]);
  await make('ca', '-subj', '/CN=Authority of a fake push provider');
  await make(
    'leaf',
    ...['-subj', '/CN=localhost', '-CA', file('ca.crt'), '-CAkey', file('ca.key')],
    ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ...['-addext', 'basicConstraints=critical,CA:FALSE'],
  );
  const [ca, certificate, key] = await Promise.all(
    ['ca.crt', 'leaf.crt', 'leaf.key'].map((name) => readFile(file(name), 'utf8')),
  );
  return { ca: ca ?? '', certificate: certificate ?? '', key: key ?? '' };
}
