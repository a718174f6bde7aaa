import { expect } from 'chai';
import { problemsOf } from './load.ts';

/** An app with what must be given and no more. */
const APP = `[kick.apns.apps.chat]
topic = "com.example.app"
team_id = "A1B2C3D4E5"
key_id = "F6G7H8I9J0"
key_path = "key.p8"`;

describe('combinations', () => {
  const impossible = [
    { text: 'socket.tls_key_path = "k"', key: 'socket.tls_certificate_path' },
    { text: 'socket.tls_certificate_path = "c"', key: 'socket.tls_key_path' },
    { text: 'endpoint.tls_key_path = "k"', key: 'endpoint.tls_certificate_path' },
    { text: 'endpoint.tls_certificate_path = "c"', key: 'endpoint.tls_key_path' },
    {
      text: 'socket.transport = "uws"\nsocket.tls_min_version = "1.3"',
      key: 'socket.tls_min_version',
    },
    {
      text: 'endpoint.transport = "uws"\nendpoint.tls_min_version = "1.3"',
      key: 'endpoint.tls_min_version',
    },
    { text: 'endpoint.port = 8080', key: 'endpoint.port' },
    { text: 'admin.port = 8080', key: 'admin.port' },
    { text: 'admin.port = 8081', key: 'admin.port' },
    { text: 'admin.port = 8080\nsocket.host = "0.0.0.0"', key: 'admin.port' },
    { text: 'admin.port = 8080\nadmin.host = "::"', key: 'admin.port' },
    { text: 'admin.port = 8080\nadmin.host = "::"\nsocket.host = "0.0.0.0"', key: 'admin.port' },
    { text: 'endpoint.host = "0.0.0.0"', key: 'endpoint.public_url' },
    { text: 'endpoint.host = "::"', key: 'endpoint.public_url' },
    { text: 'endpoint.host = "0:0:0:0:0:0:0:0"', key: 'endpoint.public_url' },
    { text: 'socket.send_buffer_bytes_max = 262_143', key: 'socket.send_buffer_bytes_max' },
    { text: 'endpoint.data_bytes_max = 5441', key: 'endpoint.body_bytes_max' },
    { text: 'endpoint.headers_timeout_ms = 15_001', key: 'endpoint.headers_timeout_ms' },
    {
      text: 'storage.driver = "memcached"\nstorage.memcached.servers = []',
      key: 'storage.memcached.servers',
    },
    { text: 'storage.update_ttl_days = 91', key: 'storage.update_ttl_days' },
    ...['memory', 'none'].flatMap((driver) =>
      [APP, 'kick.fcm.service_account_path = "f"', 'kick.udp.networks = ["10.0.0.0/8"]'].map(
        (provider) => ({
          text: `storage.driver = "${driver}"\n${provider}`,
          key: 'storage.driver',
        }),
      ),
    ),
    { text: 'kick.backoff_min_ms = 600_001', key: 'kick.backoff_max_ms' },
    { text: 'kick.breaker_pause_min_ms = 60_001', key: 'kick.breaker_pause_max_ms' },
    { text: 'kick.halt_pause_min_ms = 1_800_001', key: 'kick.halt_pause_max_ms' },
    { text: `${APP}\n${APP.replace('chat', 'twin')}`, key: 'kick.apns.apps' },
    { text: `${APP}\n${APP.replace('chat', 'twin')}\nhost = "sandbox"`, key: 'kick.apns.apps' },
    { text: `${APP}\npush_type = "alert"\nalert_title = "News"`, key: 'kick.apns.apps' },
    {
      text: `queue.lease_ms = 19_999\nkick.fcm.request_timeout_ms = 9999\n${APP}`,
      key: 'queue.lease_ms',
    },
    {
      text: `queue.lease_ms = 20_000\nkick.fcm.request_timeout_ms = 10_001\n${APP}`,
      key: 'queue.lease_ms',
    },
    { text: 'kick.apns.ping_interval_ms = 10_000', key: 'kick.apns.ping_interval_ms' },
    { text: 'start.restart_backoff_min_ms = 30_001', key: 'start.restart_backoff_max_ms' },
    { text: 'shutdown.spread_ms = 10_000', key: 'shutdown.deadline_ms' },
  ];
  for (const { text, key } of impossible) {
    it(`refuse ${text.replaceAll('\n', ' with ')}`, () => {
      expect(problemsOf(text).map((problem) => problem.key)).to.deep.equal([key]);
    });
  }

  it('say nothing of named tables when one of them is wrong by itself', () => {
    const text = `${APP}\npush_type = "alert"\nttl_secs = -1`;
    expect(problemsOf(text).map(({ key }) => key)).to.deep.equal(['kick.apns.apps.chat.ttl_secs']);
  });

  it('are told with what was found and what would do', () => {
    expect(problemsOf('shutdown.spread_ms = 10_000')).to.deep.equal([
      {
        key: 'shutdown.deadline_ms',
        expected:
          'more than 10_000, shutdown.spread_ms, because devices are told to go before the exit',
        found: '10_000',
      },
    ]);
  });

  const possible = [
    'socket.tls_key_path = "k"\nsocket.tls_certificate_path = "c"',
    'socket.transport = "auto"\nsocket.tls_min_version = "1.3"',
    'socket.transport = "ws"\nsocket.tls_min_version = "1.3"',
    'socket.transport = "uws"',
    'socket.port = 0\nendpoint.port = 0\nadmin.port = 0',
    'admin.port = 8080\nadmin.host = "127.0.0.2"',
    'admin.port = 8080\nadmin.host = "::1"\nsocket.host = "0.0.0.0"',
    'endpoint.host = "0.0.0.0"\nendpoint.public_url = "https://push.example/base"',
    'socket.host = "0.0.0.0"',
    'socket.send_buffer_bytes_max = 262_144',
    'endpoint.data_bytes_max = 5440',
    'endpoint.headers_timeout_ms = 15_000',
    'storage.memcached.servers = []',
    'storage.update_ttl_days = 90',
    'storage.driver = "none"',
    `storage.driver = "memcached"\n${APP}`,
    'kick.backoff_min_ms = 600_000',
    'queue.lease_ms = 1000',
    `queue.lease_ms = 20_000\n${APP}`,
    'kick.apns.ping_interval_ms = 9999',
    `${APP}\n${APP.replace('chat', 'twin').replace('app"', 'other"')}`,
    `${APP}\npush_type = "alert"\nalert_body = "News"`,
    'start.restart_backoff_min_ms = 30_000',
    'shutdown.spread_ms = 9999',
  ];
  for (const text of possible) {
    it(`allow ${text.replaceAll('\n', ' with ')}`, () => {
      expect(problemsOf(text)).to.deep.equal([]);
    });
  }
});
