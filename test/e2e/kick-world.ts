/**
 * All that a wake-up passes, as it is in production but for the providers' own servers: `start` with push and kick as processes, the
 * embedded store, the spool, and fakes that speak the providers' protocols over TLS. Without a test framework, so that demonstrations
 * and measurements run it too.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/clock.ts';
import {
  closeKickQueues,
  type KickQueues,
  openKickQueues,
} from '../../src/commands/open-queues.ts';
import { loadConfig } from '../../src/config/config.ts';
import { quietLog } from '../../src/log.ts';
import { type ChildServer, startChildServer } from '../support/child-server.ts';
import { makeApnsKeyPair } from '../support/fake-apns/provider-tokens.ts';
import { type FakeApns, startFakeApns } from '../support/fake-apns.ts';
import { type FakeFcm, type FakeFcmOptions, startFakeFcm } from '../support/fake-fcm.ts';
import { makeKickCertificates } from '../support/kick-certificates.ts';
import { environmentOf, type Settings } from '../support/settings.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const MAIN_PATH = fileURLToPath(new URL('../../src/main.js', import.meta.url));
/** The app of the fake APNs. */
export const APNS_APP = {
  topic: 'com.example.chat',
  teamId: 'A1B2C3D4E5',
  keyId: 'F6G7H8I9J0',
} as const;

/** What an operator has by mistake instead of the right files. */
export interface WrongFiles {
  /** The service account with this private key (PEM). */
  readonly fcmPrivateKey?: string;
  readonly apnsPrivateKey?: string;
}

export interface KickFakesOptions {
  readonly fcm?: Pick<FakeFcmOptions, 'onWake' | 'choose'>;
  readonly wrong?: WrongFiles;
}

/** The fakes, and the files and settings of a server that is to wake devices through them. */
export interface KickFakes {
  readonly fcm: FakeFcm;
  readonly apns: FakeApns;
  readonly settings: Settings;
  close(): Promise<void>;
}

/** Writes config.toml, keys and the certificate authority into `folder`, where the server is to run. */
export async function openKickFakes(
  folder: string,
  { fcm: fcmOptions = {}, wrong = {} }: KickFakesOptions = {},
): Promise<KickFakes> {
  const certificates = await makeKickCertificates();
  const pair = makeApnsKeyPair();
  const key = { ...APNS_APP, publicKeyPem: pair.publicKeyPem, topics: [APNS_APP.topic] };
  const [fcm, apns] = await Promise.all([
    startFakeFcm({ ...fcmOptions, certificates }),
    startFakeApns({ certificates, keys: [key] }),
  ]);
  const account = JSON.parse(fcm.serviceAccountJson) as object;
  const { fcmPrivateKey, apnsPrivateKey = pair.privateKeyPem } = wrong;
  const ofAccount = fcmPrivateKey === undefined ? {} : { private_key: fcmPrivateKey };
  await Promise.all([
    writeFile(join(folder, 'ca.pem'), certificates.ca),
    writeFile(join(folder, 'key.p8'), apnsPrivateKey),
    writeFile(join(folder, 'account.json'), JSON.stringify({ ...account, ...ofAccount })),
    // Tables that the operator names stand in the file alone.
    writeFile(join(folder, 'config.toml'), configWith(apns.url)),
  ]);
  return {
    fcm,
    apns,
    settings: {
      'storage.driver': 'embedded',
      'kick.apns.ca_path': 'ca.pem',
      'kick.fcm.ca_path': 'ca.pem',
      'kick.fcm.service_account_path': 'account.json',
      'kick.fcm.send_url': fcm.sendUrl,
      'kick.fcm.sends_update': true,
      'kick.udp.networks': ['127.0.0.1/32'],
    },
    async close() {
      await Promise.all([fcm.close(), apns.close()]);
    },
  };
}

function configWith(apnsUrl: string): string {
  return `
    [kick.apns.apps.chat]
    topic = "${APNS_APP.topic}"
    team_id = "${APNS_APP.teamId}"
    key_id = "${APNS_APP.keyId}"
    key_path = "key.p8"
    host = "${apnsUrl}"
    sends_update = true
  `;
}

export interface KickWorld extends AsyncDisposable, Pick<KickFakes, 'fcm' | 'apns' | 'settings'> {
  readonly server: ChildServer;
  /** Of the server: config, store, queue. */
  readonly folder: string;
  /** Kicks that wait or are worked on, of all providers; seen by this process, without asking the server. */
  kicksLeft(): Promise<number>;
  /** Why kicks were given up, of all providers. */
  deadReasons(): Promise<readonly string[]>;
  /** Runs the command `queue` beside the server, with its config. */
  queue(...args: readonly string[]): Promise<CommandEnd>;
}

export interface CommandEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Everything up. `settings` come over those of the fakes. The end of its scope kills the server and removes its folder. */
export async function openKickWorld(
  options: KickFakesOptions & { readonly settings?: Settings } = {},
): Promise<KickWorld> {
  const folder = await makeTemporaryFolder();
  const fakes = await openKickFakes(folder.path, options);
  const settings = { ...fakes.settings, ...options.settings };
  let queues: KickQueues = {};
  const closeRest = async () => {
    await closeKickQueues(queues);
    await fakes.close();
    await folder[Symbol.asyncDispose]();
  };
  try {
    const server = await startChildServer(folder.path, settings);
    queues = await openQueuesOf(folder.path, settings);
    return {
      fcm: fakes.fcm,
      apns: fakes.apns,
      settings,
      server,
      folder: folder.path,
      async kicksLeft() {
        const depths = await Promise.all(Object.values(queues).map((queue) => queue.depth()));
        return depths.reduce(
          (sum, { ready, leased, delayed }) => sum + ready + leased + delayed,
          0,
        );
      },
      async deadReasons() {
        const dead = await Promise.all(Object.values(queues).map((queue) => queue.listDead(100)));
        return dead.flat().map(({ reason }) => reason);
      },
      queue: (...args) => runQueue(folder.path, settings, args),
      async [Symbol.asyncDispose]() {
        await server.kill();
        await closeRest();
      },
    };
  } catch (error) {
    await closeRest();
    throw error;
  }
}

async function openQueuesOf(folder: string, settings: Settings): Promise<KickQueues> {
  const path = join(folder, 'config.toml');
  const loaded = loadConfig({ path, env: environmentOf(settings) });
  if (!loaded.ok) throw new Error(`bad settings: ${JSON.stringify(loaded.problems)}`);
  return openKickQueues(loaded.config, quietLog, systemClock);
}

async function runQueue(
  folder: string,
  settings: Settings,
  args: readonly string[],
): Promise<CommandEnd> {
  const child = spawn(process.execPath, [MAIN_PATH, 'queue', ...args], {
    cwd: folder,
    env: { ...environmentOf(settings) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}
