/** Values that are right one by one and impossible together. */
import { isIP } from 'node:net';
import type { Combination } from './combinations/combination.ts';
import { KICK_COMBINATIONS } from './combinations/kick.ts';
import { MAIL_COMBINATIONS } from './combinations/mail.ts';
import type { ConfigProblem } from './problem.ts';
import type { Config } from './schema.ts';
import { tomlText } from './value-text.ts';

/** Form encoding writes a byte as %XX; beside the data a body has a version and the names of both. */
const ENCODED_BYTES_PER_BYTE = 3;
const BODY_BYTES_BESIDE_DATA = 64;

const COMBINATIONS: readonly Combination[] = [
  ...(['socket', 'endpoint', 'mailgate'] as const).flatMap(tlsFiles),
  ...(['socket', 'endpoint'] as const).map(tlsVersion),
  samePort('endpoint', 'socket'),
  samePort('admin', 'socket'),
  samePort('admin', 'endpoint'),
  samePort('mailgate', 'socket'),
  samePort('mailgate', 'endpoint'),
  samePort('mailgate', 'admin'),
  {
    keys: ['endpoint.public_url', 'endpoint.host'],
    isPossible: ({ endpoint }) => endpoint.publicUrl !== '' || !isWildcard(endpoint.host),
    expected: ({ endpoint }) =>
      `the URL by which app servers reach endpoint.host = ${tomlText(endpoint.host)}`,
    found: ({ endpoint }) => endpoint.publicUrl,
  },
  {
    keys: ['socket.send_buffer_bytes_max', 'socket.message_bytes_max'],
    isPossible: ({ socket }) => socket.sendBufferBytesMax >= 2 * socket.messageBytesMax,
    expected: ({ socket }) =>
      `at least ${tomlText(2 * socket.messageBytesMax)}, twice socket.message_bytes_max, because errors echo requests`,
    found: ({ socket }) => socket.sendBufferBytesMax,
  },
  {
    keys: ['socket.inbox_characters_max', 'socket.message_bytes_max'],
    isPossible: ({ socket }) => socket.inboxCharactersMax >= socket.messageBytesMax,
    expected: ({ socket }) =>
      `at least ${tomlText(socket.messageBytesMax)}, socket.message_bytes_max, so that any one message may wait`,
    found: ({ socket }) => socket.inboxCharactersMax,
  },
  {
    keys: ['endpoint.body_bytes_max', 'endpoint.data_bytes_max'],
    isPossible: ({ endpoint }) => endpoint.bodyBytesMax >= bodyBytesFor(endpoint.dataBytesMax),
    expected: ({ endpoint }) =>
      `at least ${tomlText(bodyBytesFor(endpoint.dataBytesMax))}, 3 * endpoint.data_bytes_max + 64, for form encoding`,
    found: ({ endpoint }) => endpoint.bodyBytesMax,
  },
  {
    keys: ['endpoint.headers_timeout_ms', 'endpoint.request_timeout_ms'],
    isPossible: ({ endpoint }) => endpoint.headersTimeoutMs <= endpoint.requestTimeoutMs,
    expected: ({ endpoint }) =>
      `at most ${tomlText(endpoint.requestTimeoutMs)}, endpoint.request_timeout_ms, because a head is part of its request`,
    found: ({ endpoint }) => endpoint.headersTimeoutMs,
  },
  {
    keys: ['storage.memcached.servers', 'storage.driver'],
    isPossible: ({ storage }) =>
      storage.driver !== 'memcached' || storage.memcached.servers.length > 0,
    expected: () => 'at least one server, because storage.driver is "memcached"',
    found: ({ storage }) => storage.memcached.servers,
  },
  {
    keys: ['storage.update_ttl_days', 'storage.channel_ttl_days'],
    isPossible: ({ storage }) => storage.updateTtlDays <= storage.channelTtlDays,
    expected: ({ storage }) =>
      `at most ${tomlText(storage.channelTtlDays)}, storage.channel_ttl_days, because a version is forgotten with its channel`,
    found: ({ storage }) => storage.updateTtlDays,
  },
  ...KICK_COMBINATIONS,
  ...MAIL_COMBINATIONS,
  {
    keys: ['start.restart_backoff_max_ms', 'start.restart_backoff_min_ms'],
    isPossible: ({ start }) => start.restartBackoffMaxMs >= start.restartBackoffMinMs,
    expected: ({ start }) =>
      `at least ${tomlText(start.restartBackoffMinMs)}, start.restart_backoff_min_ms, where it begins`,
    found: ({ start }) => start.restartBackoffMaxMs,
  },
  {
    keys: ['shutdown.deadline_ms', 'shutdown.spread_ms'],
    isPossible: ({ shutdown }) => shutdown.deadlineMs > shutdown.spreadMs,
    expected: ({ shutdown }) =>
      `more than ${tomlText(shutdown.spreadMs)}, shutdown.spread_ms, because devices are told to go before the exit`,
    found: ({ shutdown }) => shutdown.deadlineMs,
  },
];

/**
 * The impossible ones. `refused` names the keys that are wrong by themselves: what they meant is unknown, so nothing is said of
 * combinations with them. `variables` names the keys that an override has set.
 */
export function impossibleCombinations(
  config: Config,
  refused: ReadonlySet<string>,
  variables: ReadonlyMap<string, string>,
): readonly ConfigProblem[] {
  return COMBINATIONS.filter(({ keys, isPossible }) => {
    return !keys.some((key) => isRefused(key, refused)) && !isPossible(config);
  }).map(({ keys: [key], expected, found }) => ({
    key: variables.get(key) ?? key,
    expected: expected(config),
    found: tomlText(found(config)),
  }));
}

function tlsFiles(name: 'socket' | 'endpoint' | 'mailgate'): readonly Combination[] {
  return [
    {
      keys: [`${name}.tls_key_path`, `${name}.tls_certificate_path`],
      isPossible: ({ [name]: { tlsKeyPath, tlsCertificatePath } }) =>
        tlsKeyPath !== '' || tlsCertificatePath === '',
      expected: () => `a path, because ${name}.tls_certificate_path has one`,
      found: () => '',
    },
    {
      keys: [`${name}.tls_certificate_path`, `${name}.tls_key_path`],
      isPossible: ({ [name]: { tlsKeyPath, tlsCertificatePath } }) =>
        tlsCertificatePath !== '' || tlsKeyPath === '',
      expected: () => `a path, because ${name}.tls_key_path has one`,
      found: () => '',
    },
  ];
}

function tlsVersion(name: 'socket' | 'endpoint'): Combination {
  return {
    keys: [`${name}.tls_min_version`, `${name}.transport`],
    isPossible: ({ [name]: { transport, tlsMinVersion } }) =>
      transport !== 'uws' || tlsMinVersion === '1.2',
    expected: () => `"1.2", because ${name}.transport is "uws" and cannot refuse it`,
    found: ({ [name]: { tlsMinVersion } }) => tlsMinVersion,
  };
}

/** Of tables that the operator names, any refused key refuses all. */
function isRefused(key: string, refused: ReadonlySet<string>): boolean {
  return refused.has(key) || [...refused].some((name) => name.startsWith(`${key}.`));
}

type Listener = 'socket' | 'endpoint' | 'admin' | 'mailgate';

function samePort(later: Listener, earlier: Listener): Combination {
  return {
    keys: [`${later}.port`, `${later}.host`, `${earlier}.port`, `${earlier}.host`],
    isPossible: ({ [later]: one, [earlier]: other }) =>
      one.port === 0 || one.port !== other.port || !overlap(one.host, other.host),
    expected: () => `another port than ${earlier}.port on the same address`,
    found: ({ [later]: { port } }) => port,
  };
}

/** Whether one port cannot be had on both. Names are not resolved: the start finds out about those. */
function overlap(host: string, other: string): boolean {
  if (host === other) return true;
  if (isWildcard(host)) return coversHost(host, other);
  return isWildcard(other) && coversHost(other, host);
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || /^[0:]+$/.test(host);
}

/** An IPv6 wildcard listens for IPv4 too. */
function coversHost(wildcard: string, host: string): boolean {
  return isIP(wildcard) === 6 || isWildcard(host) || isIP(host) !== 6;
}

function bodyBytesFor(dataBytes: number): number {
  return ENCODED_BYTES_PER_BYTE * dataBytes + BODY_BYTES_BESIDE_DATA;
}
