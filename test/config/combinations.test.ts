import { expect } from 'chai';
import { problemsOf } from './load.ts';

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
    { text: 'shutdown.spread_ms = 10_000', key: 'shutdown.deadline_ms' },
  ];
  for (const { text, key } of impossible) {
    it(`refuse ${text.replaceAll('\n', ' with ')}`, () => {
      expect(problemsOf(text).map((problem) => problem.key)).to.deep.equal([key]);
    });
  }

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
    'shutdown.spread_ms = 9999',
  ];
  for (const text of possible) {
    it(`allow ${text.replaceAll('\n', ' with ')}`, () => {
      expect(problemsOf(text)).to.deep.equal([]);
    });
  }
});
