import type { Command } from 'commander';
import { unreachable } from '../assert.ts';
import { type Clock, systemClock } from '../clock.ts';
import { type Config, loadConfig } from '../config/config.ts';
import { renderManual } from '../config/manual.ts';
import { type ConfigProblem, problemText } from '../config/problem.ts';
import { loadTlsMaterial } from '../config/tls-material.ts';
import { type ReadTokenKeys, readTokenKeys } from '../config/token-keys.ts';
import { findingsOf } from '../kick/credentials-watch.ts';
import type { KickProvider, ProviderName } from '../kick/provider.ts';
import { quietLog } from '../log.ts';
import { type CommandIo, createCommand, EXIT_CODE_REFUSED } from './command-io.ts';
import { enabledProviders } from './enabled-providers.ts';
import { loadKickProviders } from './kick-providers.ts';

interface Options {
  readonly config?: string;
  readonly printDefaults?: true;
  readonly online?: true;
}

/** The config is well-formed, and a provider does not take the credentials that it names. */
const EXIT_CODE_BAD_CREDENTIALS = 1;

/**
 * `check-config [--config PATH] [--online] [--print-defaults]`: says what is wrong with the config, or what it comes to. Changes nothing, and
 * wakes nobody.
 */
export function checkConfigCommand(io: CommandIo, clock: Clock = systemClock): Command {
  return createCommand('check-config', io)
    .description('check the config and the files it names')
    .option('--config <path>', 'the config file; without it ./config.toml, if there is one')
    .option(
      '--print-defaults',
      'print config.toml with every key at its default, and check nothing',
    )
    .option('--online', 'also ask each push provider whether it takes our credentials')
    .action(async (options: Options) => {
      if (options.printDefaults) io.stdout(renderManual());
      else await checkConfig(options, io, clock);
    });
}

async function checkConfig(
  { config: path, online }: Options,
  io: CommandIo,
  clock: Clock,
): Promise<void> {
  const loaded = loadConfig({ path, env: io.env });
  const nowMs = clock.nowMs();
  if (!loaded.ok) return refuse(loaded.problems, io);
  const { config } = loaded;
  const [tokenKeys, socketTls, endpointTls, kick] = await Promise.all([
    readTokenKeys(config.tokens),
    loadTlsMaterial('socket', config, nowMs),
    loadTlsMaterial('endpoint', config, nowMs),
    loadKickProviders({ config, clock, log: quietLog }),
  ]);
  const problems = [
    ...(tokenKeys.ok ? [] : [tokenKeys.problem]),
    ...(socketTls.ok ? [] : socketTls.problems),
    ...(endpointTls.ok ? [] : endpointTls.problems),
    ...(kick.ok ? [] : kick.problems),
  ];
  if (problems.length > 0) return refuse(problems, io);
  for (const tls of [socketTls, endpointTls]) {
    for (const warning of tls.ok ? tls.warnings : []) io.stderr(`warning: ${warning}\n`);
  }
  io.stdout(summaryOf(config, loaded.path, tokenKeys));
  if (online && kick.ok) await askProviders(kick.providers, io);
}

const ALL_IS_WELL: Readonly<Record<ProviderName, string>> = {
  apns: 'takes our credentials',
  fcm: 'takes our credentials',
  udp: 'needs no credentials',
};

/** One line for each provider, and a sentence for each thing that is wrong. */
async function askProviders(providers: readonly KickProvider[], io: CommandIo): Promise<void> {
  if (providers.length === 0) io.stdout('no provider to ask: no device is woken\n');
  await Promise.all(
    providers.map(async (provider) => {
      const findings = await findingsOf(provider);
      await provider.close();
      const verdict = findings.length === 0 ? ALL_IS_WELL[provider.name] : 'is not set up right';
      io.stdout(`${provider.name.padEnd(4)} ${verdict}\n`);
      for (const finding of findings) io.stderr(`${finding}\n`);
      if (findings.length > 0) io.setExitCode(EXIT_CODE_BAD_CREDENTIALS);
    }),
  );
}

function refuse(problems: readonly ConfigProblem[], io: CommandIo): void {
  for (const problem of problems) io.stderr(`${problemText(problem)}\n`);
  io.setExitCode(EXIT_CODE_REFUSED);
}

function summaryOf(config: Config, path: string | undefined, tokenKeys: ReadTokenKeys): string {
  const { socket, endpoint, admin, storage } = config;
  return [
    'config is valid',
    `  file      ${path ?? 'none: all defaults'}`,
    `  socket    ${listenerText(socket)}, transport ${socket.transport}`,
    `  endpoint  ${listenerText(endpoint)}, transport ${endpoint.transport}`,
    `  admin     ${addressText(admin)}`,
    `  tokens    ${tokensText(config, tokenKeys)}`,
    `  storage   ${storageText(storage)}`,
    `  kick      ${enabledProviders(config).join(', ') || 'no provider: no device is woken'}`,
    '',
  ].join('\n');
}

function listenerText(listener: Config['socket'] | Config['endpoint']): string {
  const { publicUrl, tlsCertificatePath, tlsMinVersion } = listener;
  const tls = tlsCertificatePath === '' ? 'no TLS' : `TLS ${tlsMinVersion} and up`;
  const known = publicUrl === '' ? '' : `, known as ${publicUrl}`;
  return `${addressText(listener)}, ${tls}${known}`;
}

function addressText({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host} port ${port === 0 ? 'any free one' : port}`;
}

function tokensText({ tokens }: Config, read: ReadTokenKeys): string {
  if (!read.ok || read.source === 'none') return `${tokens.keyPath}, made on the first start`;
  const where = read.source === 'config' ? 'the config' : tokens.keyPath;
  return `${read.keys.length === 1 ? '1 key' : `${read.keys.length} keys`} from ${where}`;
}

function storageText({ driver, embedded, memcached }: Config['storage']): string {
  switch (driver) {
    case 'embedded':
      return `embedded, in ${embedded.path}`;
    case 'memcached':
      return `memcached, on ${memcached.servers.join(', ')}`;
    case 'memory':
      return 'memory, forgotten at exit';
    case 'none':
      return 'none: only connected devices get updates';
    default:
      return unreachable(driver);
  }
}
