/** From the config and the files it names to the providers that wake devices. */
import { open } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { unreachable } from '../assert.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { type ConfigProblem, failureText } from '../config/problem.ts';
import { APNS_ORIGINS, type ApnsApp, type ApnsPush } from '../kick/apns/app.ts';
import { ProviderKeyError, ProviderTokens } from '../kick/apns/provider-token.ts';
import { createApnsProvider } from '../kick/apns.ts';
import { parseServiceAccount } from '../kick/fcm/service-account.ts';
import { createFcmProvider } from '../kick/fcm.ts';
import type { KickProvider, ProviderName } from '../kick/provider.ts';
import { parseNetworks } from '../kick/udp/networks.ts';
import { createUdpProvider } from '../kick/udp.ts';
import type { Log } from '../log.ts';
import { enabledProviders } from './enabled-providers.ts';

export interface KickProvidersDeps {
  readonly config: Pick<Config, 'kick'>;
  readonly clock: Clock;
  readonly log: Log;
}

export type LoadedKickProviders =
  | { readonly ok: true; readonly providers: readonly KickProvider[] }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** Keys and bundles of certificates are some kilobytes; whatever is larger is another file. */
const FILE_BYTES_MAX = 1_048_576;
const MS_PER_SECOND = 1000;

/** Reads and checks the files, asks nobody: whether providers take the credentials is theirs to say. Reports all problems at once. */
export async function loadKickProviders(deps: KickProvidersDeps): Promise<LoadedKickProviders> {
  const loaded = await Promise.all(enabledProviders(deps.config).map((name) => load(name, deps)));
  const problems = loaded.flatMap((one) => (one.ok ? [] : one.problems));
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, providers: loaded.flatMap((one) => (one.ok ? [one.provider] : [])) };
}

type Loaded =
  | { readonly ok: true; readonly provider: KickProvider }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

function load(name: ProviderName, deps: KickProvidersDeps): Promise<Loaded> {
  switch (name) {
    case 'apns':
      return loadApns(deps);
    case 'fcm':
      return loadFcm(deps);
    case 'udp':
      return Promise.resolve(loadUdp(deps));
    default:
      return unreachable(name);
  }
}

async function loadApns({ config, clock, log }: KickProvidersDeps): Promise<Loaded> {
  const { apps, caPath, ...limits } = config.kick.apns;
  const [ca, ...keys] = await Promise.all([
    readAuthorities('kick.apns.ca_path', caPath),
    ...Object.entries(apps).map(([name, app]) => readApnsKey(name, app, clock)),
  ]);
  const problems = [ca, ...keys].flatMap((read) => (read.ok ? [] : [read.problem]));
  if (!ca.ok || problems.length > 0) return { ok: false, problems };
  const loadedApps = Object.entries(apps).map(([name, app], at) => {
    const key = keys[at];
    return toApnsApp(name, app, key?.ok ? key.text : '');
  });
  const trust = ca.text === '' ? {} : { ca: ca.text };
  return {
    ok: true,
    provider: createApnsProvider({ apps: loadedApps, limits, clock, log, ...trust }),
  };
}

type AppConfig = Config['kick']['apns']['apps'][string];

function toApnsApp(name: string, app: AppConfig, privateKeyPem: string): ApnsApp {
  const { topic, teamId, keyId, host, sendsUpdate, ttlSecs } = app;
  return {
    name,
    topic,
    teamId,
    keyId,
    privateKeyPem,
    origin: host === 'production' || host === 'sandbox' ? APNS_ORIGINS[host] : host,
    push: toApnsPush(app),
    carriesUpdate: sendsUpdate,
    ttlMs: ttlSecs * MS_PER_SECOND,
  };
}

function toApnsPush({ pushType, alertTitle, alertBody: body }: AppConfig): ApnsPush {
  switch (pushType) {
    case 'background':
      return { kind: 'background' };
    case 'alert': {
      const title = alertTitle === '' ? {} : { title: alertTitle };
      return { kind: 'alert', alert: { kind: 'texts', ...title, body } };
    }
    default:
      return unreachable(pushType);
  }
}

async function readApnsKey(name: string, app: AppConfig, clock: Clock): Promise<ReadText> {
  const { keyPath, teamId, keyId } = app;
  const key = `kick.apns.apps.${name}.key_path`;
  const read = await readText(key, keyPath);
  if (!read.ok) return read;
  try {
    // Signs once, which only the right kind of key can do.
    await new ProviderTokens({ teamId, keyId, privateKeyPem: read.text, clock }).current();
    return read;
  } catch (error) {
    if (!(error instanceof ProviderKeyError)) throw error;
    const expected = `the .p8 file of a key for Apple's push service at ${keyPath}`;
    return { ok: false, problem: { key, expected, found: error.message } };
  }
}

async function loadFcm({ config, clock, log }: KickProvidersDeps): Promise<Loaded> {
  const { serviceAccountPath, caPath, sendUrl, ttlSecs, collapseKey, sendsUpdate, ...limits } =
    config.kick.fcm;
  const key = 'kick.fcm.service_account_path';
  const [ca, file] = await Promise.all([
    readAuthorities('kick.fcm.ca_path', caPath),
    readText(key, serviceAccountPath),
  ]);
  if (!ca.ok || !file.ok) {
    const problems = [ca, file].flatMap((read) => (read.ok ? [] : [read.problem]));
    return { ok: false, problems };
  }
  const reading = parseServiceAccount(file.text);
  if (reading.kind === 'refused') {
    const expected = `the JSON file of a service account at ${serviceAccountPath}, from console.firebase.google.com under Project settings, Service accounts`;
    return { ok: false, problems: [{ key, expected, found: reading.problems.join(' ') }] };
  }
  const rules = { sendUrl, ttlSecs, collapseKey, sendsUpdate };
  const trust = ca.text === '' ? {} : { ca: ca.text };
  const { account: serviceAccount } = reading;
  return {
    ok: true,
    provider: createFcmProvider({ serviceAccount, ...rules, limits, clock, log, ...trust }),
  };
}

function loadUdp({ config, log }: KickProvidersDeps): Loaded {
  const { networks: texts, sendsUpdate, inFlightMax } = config.kick.udp;
  const reading = parseNetworks(texts);
  if (reading.kind === 'refused') {
    const expected = 'networks such as "10.0.0.0/8"';
    const found = reading.problems.join(' ');
    return { ok: false, problems: [{ key: 'kick.udp.networks', expected, found }] };
  }
  const { networks } = reading;
  return {
    ok: true,
    provider: createUdpProvider({ networks, limits: { inFlightMax }, sendsUpdate, log }),
  };
}

type ReadText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problem: ConfigProblem };

/** Node's own authorities and those of the file; empty, which is Node's own alone, without a file. */
async function readAuthorities(key: string, path: string): Promise<ReadText> {
  if (path === '') return { ok: true, text: '' };
  const read = await readText(key, path);
  if (!read.ok) return read;
  if (!read.text.includes('-----BEGIN CERTIFICATE-----')) {
    const expected = `certificates in PEM form at ${path}`;
    return { ok: false, problem: { key, expected, found: 'something else' } };
  }
  return { ok: true, text: [...rootCertificates, read.text].join('\n') };
}

async function readText(key: string, path: string): Promise<ReadText> {
  const refused = (found: string): ReadText => {
    return { ok: false, problem: { key, expected: `a readable file at ${path}`, found } };
  };
  try {
    await using file = await open(path);
    const stats = await file.stat();
    if (!stats.isFile()) return refused('something else');
    if (stats.size > FILE_BYTES_MAX) return refused(`${stats.size} bytes`);
    return { ok: true, text: await file.readFile('utf8') };
  } catch (error) {
    return refused(failureText(error));
  }
}
