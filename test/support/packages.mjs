/** The programs beside Node that some tests need, and the Debian packages they come from. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * `proof` is a program of the PATH, or an absolute path. `tests` matches the sources of those tests that cannot run without.
 */
export const PACKAGES = [
  { name: 'memcached', proof: 'memcached', tests: /memcached/ },
  { name: 'firefox-esr', proof: 'firefox-esr', tests: /^test\/e2e\/firefox/ },
  { name: 'chromium', proof: 'chromium', tests: /^test\/loadtest\/stress\/page/ },
  { name: 'dovecot-imapd', proof: '/usr/lib/dovecot/imap', tests: /dovecot|^test\/e2e\/mail/ },
  { name: 'dovecot-lmtpd', proof: '/usr/lib/dovecot/lmtp', tests: /dovecot|^test\/e2e\/mail/ },
  { name: 'openssl', proof: 'openssl', tests: /tls|check-config|^test\/(?:e2e|mailwatch)\// },
  { name: 'gcc', proof: 'gcc', tests: /^test\/loadtest\/|power-loss/ },
  { name: 'libc6-dev', proof: '/usr/include/stdio.h', tests: /^test\/loadtest\/|power-loss/ },
];

/** The rows of PACKAGES that some of the `files` need and this machine does not have. */
export function missingPackages(files) {
  return PACKAGES.filter(({ tests }) => files.some((file) => tests.test(file))).filter(
    ({ proof }) => !isThere(proof),
  );
}

/** Installs the packages where that is possible: with apt-get, as root. Whether it was is for the caller to look at again. */
export function installPackages(packages) {
  if (packages.length === 0 || process.getuid?.() !== 0 || !isThere('apt-get')) return;
  const names = packages.map(({ name }) => name);
  console.log(`== apt-get install ${names.join(' ')}`);
  // A fresh container has no list of packages; where there is one, fetching it anew would be time lost.
  if (apt('install', '--no-install-recommends', ...names)) return;
  if (apt('update')) apt('install', '--no-install-recommends', ...names);
}

function apt(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status } = spawnSync('apt-get', ['-q', '-y', ...args], { stdio: 'inherit', env });
  return status === 0;
}

function isThere(proof) {
  const folders = proof.startsWith('/') ? [''] : (process.env.PATH ?? '').split(delimiter);
  return folders.some((folder) => isReadable(join(folder, proof)));
}

function isReadable(path) {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    // Not there, or not for us: the same to whoever wants to use it.
    return false;
  }
}
