/** A push server, a mail watch with its gate, and a real Dovecot, all in this process but for Dovecot. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createMailWatch, type MailWatch } from '../../src/client/mail.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { openMailGateRole } from '../../src/commands/mail-gate-role.ts';
import { openMailwatchRole } from '../../src/commands/mailwatch-role.ts';
import type { RunningRole } from '../../src/commands/role.ts';
import { type Log, quietLog } from '../../src/log.ts';
import { prepareDovecot, type RealDovecot } from './dovecot.ts';
import { makeKickCertificates } from './kick-certificates.ts';
import { openTestServer, type TestServer } from './server.ts';
import { configOf, type Settings } from './settings.ts';
import { makeTemporaryFolder, type TemporaryFolder } from './temporary-folder.ts';

/** Starts Dovecot with a certificate of `localhost`; `caPath` is who vouches for it. */
export async function startDovecot(
  folder: string,
  users: readonly string[],
  password?: string,
): Promise<{ readonly dovecot: RealDovecot; readonly caPath: string }> {
  const { ca, certificate, key } = await makeKickCertificates();
  const paths = ['ca.crt', 'tls.crt', 'tls.key'].map((name) => join(folder, name));
  const [caPath = '', certificatePath = '', keyPath = ''] = paths;
  await writeFile(caPath, ca);
  await writeFile(certificatePath, certificate);
  await writeFile(keyPath, key);
  const dovecot = await prepareDovecot(folder, { certificatePath, keyPath });
  await dovecot.setUsers(users, password);
  await dovecot.start();
  return { dovecot, caPath };
}

/** What differs from the defaults so that a Dovecot next door may be watched, at a test's pace. */
export function mailSettings(
  folder: string,
  { dovecot, caPath }: { readonly dovecot: RealDovecot; readonly caPath: string },
): Settings {
  return {
    'mailwatch.enabled': true,
    'mailwatch.path': join(folder, 'mail-data'),
    'mailwatch.master_key_path': join(folder, 'master.key'),
    'mailwatch.sealing_key_path': join(folder, 'sealing.key'),
    'mailwatch.rpc_path': join(folder, 'rpc', 'rpc.sock'),
    'mailwatch.operators_path': join(folder, 'rpc', 'operators.sock'),
    'mailwatch.allowed_networks': ['127.0.0.1'],
    'mailwatch.allowed_ports': Object.values(dovecot.ports).map(String),
    'mailwatch.ca_path': caPath,
    'mailwatch.ramp_ms': 0,
    'mailwatch.debounce_ms': 300,
    'mailwatch.backoff_min_ms': 200,
    'mailwatch.poll_ms': 1000,
    'mailgate.rpc_path': join(folder, 'rpc', 'rpc.sock'),
    'mailgate.port': 0,
    'mailgate.rpc_deadline_ms': 20_000,
    'mailgate.requests_per_minute_max': 100_000,
  };
}

export interface MailSetup extends AsyncDisposable {
  readonly folder: string;
  readonly server: TestServer;
  readonly dovecot: RealDovecot;
  readonly settings: Settings;
  /** The device's side, for the gate. */
  readonly watch: MailWatch;
  /** Starts the backend again after `stopBackend`. */
  startBackend(): Promise<void>;
  stopBackend(): Promise<void>;
}

/** Everything at once, for users who all exist. */
export async function openMailSetup(options: {
  readonly users: readonly string[];
  readonly settings?: Settings;
  readonly log?: Log;
  readonly clock?: Clock;
}): Promise<MailSetup> {
  const { log = quietLog, clock = systemClock } = options;
  const folder: TemporaryFolder = await makeTemporaryFolder();
  const server = await openTestServer();
  const { dovecot, caPath } = await startDovecot(folder.path, options.users);
  const settings = {
    ...mailSettings(folder.path, { dovecot, caPath }),
    'mailwatch.endpoint_bases': [`${server.urls.endpoint}update/`],
    ...options.settings,
  };
  const deps = { config: configOf(settings), log, clock };
  let backend: RunningRole | undefined = await openMailwatchRole(deps);
  const gate = await openMailGateRole(deps);
  const stopBackend = async () => {
    await backend?.stop();
    backend = undefined;
  };
  return {
    folder: folder.path,
    server,
    dovecot,
    settings,
    watch: createMailWatch(gate.urls['mail'] ?? ''),
    async startBackend() {
      backend ??= await openMailwatchRole(deps);
    },
    stopBackend,
    async [Symbol.asyncDispose]() {
      await gate.stop();
      await stopBackend();
      await server.stop();
      await dovecot.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}
