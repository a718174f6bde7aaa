/** A listener's certificate and private key, checked before anything listens. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { type ConfigProblem, failureText } from './problem.ts';
import type { Config } from './schema.ts';

/** What node:https and node:tls take. Secret: not for logs. */
export interface TlsMaterial {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export type LoadedTlsMaterial =
  | {
      readonly ok: true;
      /** Undefined when the listener speaks no TLS. */
      readonly material: TlsMaterial | undefined;
      /** Sentences for the operator about what may be served but will be refused by clients. */
      readonly warnings: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

type Listener = 'socket' | 'endpoint' | 'mailgate';

/** Reads and checks the files that `config[listener]` names. `nowMs` tells what has expired: milliseconds since the epoch. */
export async function loadTlsMaterial(
  listener: Listener,
  config: Pick<Config, Listener>,
  nowMs: number,
): Promise<LoadedTlsMaterial> {
  const { tlsCertificatePath, tlsKeyPath, tlsMinVersion } = config[listener];
  if (tlsCertificatePath === '') return { ok: true, material: undefined, warnings: [] };
  const [certificate, key] = await Promise.all([
    readPem(`${listener}.tls_certificate_path`, tlsCertificatePath, CERTIFICATE),
    readPem(`${listener}.tls_key_path`, tlsKeyPath, PRIVATE_KEY),
  ]);
  if (!certificate.ok || !key.ok) {
    const problems = [certificate, key].flatMap((read) => (read.ok ? [] : [read.problem]));
    return { ok: false, problems };
  }
  if (!certificate.parsed.checkPrivateKey(key.parsed)) {
    const expected = `the private key of the certificate in ${tlsCertificatePath}`;
    const problem = { key: `${listener}.tls_key_path`, expected, found: 'the key of another' };
    return { ok: false, problems: [problem] };
  }
  const material = { certificatePem: certificate.pem, keyPem: key.pem };
  const refusal = refusalOf(material, tlsMinVersion);
  if (refusal !== undefined) {
    const expected = `a certificate that can be served, in ${tlsCertificatePath}`;
    const problem = { key: `${listener}.tls_certificate_path`, expected, found: refusal };
    return { ok: false, problems: [problem] };
  }
  const warnings = validityWarnings(certificate.parsed, tlsCertificatePath, nowMs);
  return { ok: true, material, warnings };
}

interface PemKind<Parsed> {
  /** Completes the sentence "expected …". */
  readonly expected: string;
  /** May throw. */
  parse(pem: string): Parsed;
}

const CERTIFICATE: PemKind<X509Certificate> = {
  expected: 'a certificate in PEM',
  parse: (pem) => new X509Certificate(pem),
};
const PRIVATE_KEY: PemKind<KeyObject> = {
  expected: 'a private key in PEM, without passphrase',
  parse: (pem) => createPrivateKey(pem),
};

type ReadPem<Parsed> =
  | { readonly ok: true; readonly pem: string; readonly parsed: Parsed }
  | { readonly ok: false; readonly problem: ConfigProblem };

async function readPem<Parsed>(
  key: string,
  path: string,
  { expected, parse }: PemKind<Parsed>,
): Promise<ReadPem<Parsed>> {
  let pem: string;
  try {
    pem = await readFile(path, 'utf8');
  } catch (error) {
    const found = failureText(error);
    return { ok: false, problem: { key, expected: `a readable file at ${path}`, found } };
  }
  try {
    return { ok: true, pem, parsed: parse(pem) };
  } catch {
    // What OpenSSL says of it names neither the file nor what is wrong with it.
    const problem = { key, expected: `${expected}, in ${path}`, found: 'something else' };
    return { ok: false, problem };
  }
}

/** Finds what parsing alone does not, such as a key too short for today's TLS or a broken intermediate certificate. */
function refusalOf(
  { certificatePem, keyPem }: TlsMaterial,
  minVersion: '1.2' | '1.3',
): string | undefined {
  try {
    createSecureContext({ cert: certificatePem, key: keyPem, minVersion: `TLSv${minVersion}` });
    return undefined;
  } catch (error) {
    return failureText(error);
  }
}

function validityWarnings(
  { validFrom, validTo }: X509Certificate,
  path: string,
  nowMs: number,
): readonly string[] {
  if (Date.parse(validTo) < nowMs) return [`the certificate in ${path} expired on ${validTo}`];
  if (Date.parse(validFrom) > nowMs)
    return [`the certificate in ${path} is valid from ${validFrom}`];
  return [];
}
