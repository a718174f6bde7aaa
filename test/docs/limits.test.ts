import { expect } from 'chai';
import { readPage, readText, rowsIn, sectionOf } from './pages.ts';

/** Limits that ARCHITECTURE.md tells: the file, the constant in it, and how the table says it. */
const TOLD: readonly (readonly [path: string, name: string, told: string])[] = [
  ['socket/deadlines.ts', 'SWEEP_INTERVAL_MS', '1 s'],
  ['socket/device-listener.ts', 'REFUSALS_IN_HAND_MAX', '64'],
  ['socket/ws-socket.ts', 'HEADER_BYTES_MAX', '8 KiB'],
  ['socket/ws-socket.ts', 'HEADERS_TIMEOUT_MS', '10 s'],
  ['endpoint/put-update.ts', 'FAILURES_LOGGED_PER_SECOND_MAX', '5 a second'],
  ['commands/supervisor-process.ts', 'ANSWER_DEADLINE_MS', '3 s'],
  ['commands/start.ts', 'STOP_GRACE_MS', '2 s'],
  ['main.ts', 'STDIN_BYTES_MAX', '1 MiB'],
  ['config/secret-file.ts', 'SECRET_FILE_BYTES_MAX', '4 KiB'],
  ['commands/kick-providers.ts', 'FILE_BYTES_MAX', '1 MiB'],
  ['admin/admin-listener.ts', 'HEADER_BYTES_MAX', '8 KiB'],
  ['admin/admin-listener.ts', 'REQUEST_TIMEOUT_MS', '5 s'],
  ['admin/admin-listener.ts', 'CONNECTIONS_MAX', '100 connections'],
  ['log.ts', 'DEPTH_MAX', '6 levels'],
  ['log.ts', 'TEXT_CHARACTERS_MAX', '2000 characters'],
  ['queue/spool/ready-batch.ts', 'BATCH_NAMES_MAX', '10,000'],
  ['queue/spool/held.ts', 'RELEASED_AT_ONCE_MAX', '10,000'],
  ['queue/spool/held.ts', 'MOVES_AT_ONCE_MAX', '100'],
  ['queue/spool.ts', 'DEVICES_REMEMBERED_MAX', '20,000'],
  ['queue/queue.ts', 'RETRY_DELAY_MS_MAX', '11 h'],
  ['queue/spool/consumer.ts', 'LEASE_MS_MAX', '1 h'],
  ['queue/spool/dead-letters.ts', 'REASON_CHARACTERS_MAX', '500 characters'],
  ['queue/sqs/message.ts', 'REASON_CHARACTERS_MAX', '500 characters'],
  ['queue/sqs/batches.ts', 'CALLS_MAX', '8'],
  ['queue/sqs/dead-queue.ts', 'LOOKED_AT_MAX', '10,000'],
  ['kick/worker.ts', 'LEASE_BATCH_MAX', '100'],
  ['kick/worker/breaker.ts', 'RETRY_AFTER_MAX_MS', '1 h'],
  ['kick/fcm/retry-after.ts', 'RETRY_AFTER_MS_MAX', '1 h'],
  ['kick/worker/alarms.ts', 'BURIED_LINES_PER_SECOND_MAX', '5 a second'],
  ['kick/http2-client.ts', 'SWEEP_INTERVAL_MS', '250 ms'],
  ['kick/http2-client.ts', 'PAUSE_AFTER_FAILURE_MS', '1 s'],
  ['kick/http2-client.ts', 'REQUESTS_PER_CONNECTION_MAX', '500,000,000'],
  ['kick/http2-connection.ts', 'IDLE_PING_INTERVAL_MS', '5 min'],
  ['kick/http2-connection.ts', 'PING_ANSWER_MS_MAX', '5 s'],
  ['kick/http2-answer-reader.ts', 'ANSWER_CHARACTERS_MAX', '16,384 characters'],
  ['kick/apns/provider-token.ts', 'TOKEN_REUSE_MS', '50 min'],
  ['kick/apns/provider-token.ts', 'TOKEN_AGE_MS_MIN', '20 min'],
  ['kick/fcm/access-tokens.ts', 'RENEW_AHEAD_MS', '5 min'],
  ['kick/fcm/access-tokens.ts', 'END_AHEAD_MS', '10 s'],
  ['kick/fcm/access-tokens.ts', 'PAUSE_AFTER_FAILURE_MS', '5 s'],
  ['kick/udp/networks.ts', 'NETWORKS_MAX', '1000'],
  ['mailwatch/rpc/schemas.ts', 'FOLDERS_MAX', '8'],
  ['mailwatch/rpc/schemas.ts', 'WAIT_MS_MAX', '1 h'],
  ['mailwatch/rpc/schemas.ts', 'MAX_POLL_MS_MAX', '90 days'],
  ['protocol/envelope.ts', 'SEALED_BYTES_MAX', '16 KiB'],
  ['mailwatch/rpc/server.ts', 'CONNECTIONS_MAX', '64'],
  ['mailwatch/rpc/client.ts', 'DEADLINE_INTERVAL_MS', '50 ms'],
  ['mailwatch/accounts.ts', 'WAITING_WRITES_MAX', '100,000'],
  ['mailwatch/watcher/alarms.ts', 'ALARM_INTERVAL_MS', '250 ms'],
  ['mailwatch/pool.ts', 'POOL_INTERVAL_MS', '100 ms'],
  ['mailwatch/watcher/watch.ts', 'END_TRIES_MAX', '3'],
  ['mailwatch/imap.ts', 'CLOSE_MS_MAX', '1 s'],
  ['mailwatch/oauth.ts', 'ANSWER_BYTES_MAX', '64 KiB'],
  ['mailwatch/activesync.ts', 'BODY_BYTES_MAX', '8 MiB'],
  ['mailwatch/activesync.ts', 'HEAD_BYTES_MAX', '16 KiB'],
  ['mailwatch/rpc/exchange-schema.ts', 'WBXML_BYTES_MAX', '10,240 bytes'],
  ['mailwatch/rpc/exchange-schema.ts', 'RESPONSE_TIMEOUT_MS_MAX', '1 h'],
  ['client/mail.ts', 'MAIL_CALL_MS_MAX', '30 s'],
];

/** In milliseconds, bytes, or whatever is counted. */
const FACTOR: Readonly<Record<string, number>> = {
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  days: 86_400_000,
  KiB: 1024,
  MiB: 1_048_576,
};

describe('the limits in ARCHITECTURE.md', () => {
  const rows = rowsIn(sectionOf(readPage('ARCHITECTURE.md'), 'Limits'));

  for (const [path, name, told] of TOLD) {
    it(`are those of the code: ${name} in ${path}`, () => {
      expect(valueIn(readText(`src/${path}`), name)).to.equal(amountOf(told));
      const bounds = rows
        .filter(([, where = '']) => where.includes(`\`${path}\``))
        .map(([, , bound = '']) => bound);
      expect(bounds.join(' | ')).to.match(new RegExp(`(?<![\\d,])${told}(?!\\w|,\\d)`));
    });
  }
});

/** What the constant is: a number, or a product of numbers. */
function valueIn(source: string, name: string): number {
  const [, product = ''] = new RegExp(`\\bconst ${name} = ([\\d_* ]+);`).exec(source) ?? [];
  return product
    .replaceAll('_', '')
    .split('*')
    .reduce((value, factor) => value * Number.parseInt(factor, 10), 1);
}

function amountOf(told: string): number {
  const [, digits = '', unit = ''] = /^([\d,]+) ?(\w*)/.exec(told) ?? [];
  return Number(digits.replaceAll(',', '')) * (FACTOR[unit] ?? 1);
}
