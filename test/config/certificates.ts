import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface CertificateFiles {
  readonly certificatePath: string;
  readonly keyPath: string;
}

/** Makes a self-signed certificate for localhost with the openssl command: `<name>.crt` and `<name>.key` in `folder`. */
export async function makeCertificate(
  folder: string,
  name: string,
  { newKey = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], days = 1 } = {},
): Promise<CertificateFiles> {
  const certificatePath = `${folder}/${name}.crt`;
  const keyPath = `${folder}/${name}.key`;
  const files = ['-keyout', keyPath, '-out', certificatePath];
  const subject = ['-subj', '/CN=localhost', '-days', `${days}`];
  await run('openssl', ['req', '-x509', '-nodes', '-newkey', ...newKey, ...subject, ...files]);
  return { certificatePath, keyPath };
}

/** A copy of a private key under a passphrase. */
export async function encryptKey(keyPath: string, encryptedPath: string): Promise<void> {
  const cipher = ['-aes256', '-passout', 'pass:secret'];
  await run('openssl', ['pkey', '-in', keyPath, ...cipher, '-out', encryptedPath]);
}
