import type { SectionSchema } from '../key-schema.ts';
import { TLS_KEYS } from './tls.ts';

/** [endpoint] */
export const ENDPOINT = {
  type: 'object',
  additionalProperties: false,
  description: 'The listener for app servers, which PUT new versions to endpoint URLs.',
  properties: {
    host: {
      type: 'string',
      format: 'host',
      default: '127.0.0.1',
      description: `
        Address to listen on. 0.0.0.0 or :: listens everywhere and needs public_url: endpoint URLs
        must not carry such an address.`,
    },
    port: {
      type: 'integer',
      minimum: 0,
      maximum: 65_535,
      default: 8081,
      description: 'Port to listen on; 0 takes a free one, which the ready line tells.',
    },
    public_url: {
      type: 'string',
      format: 'http-url-or-empty',
      default: '',
      description: `
        What every endpoint URL begins with, as app servers reach it: "https://push.example" makes
        https://push.example/update/... of it. Empty, it is made from host and port. Devices hand
        these URLs on, so the old one must stay reachable after a change.`,
    },
    transport: {
      type: 'string',
      enum: ['node', 'uws'],
      default: 'node',
      description: `
        What reads the requests: "node" (node:http) has the strict parser that strangers' requests
        need; "uws" (uWebSockets.js) halves the cost of a PUT and belongs behind a proxy that
        normalises requests. With "uws" the keys of timeouts and headers below have no effect.`,
    },
    ...TLS_KEYS,
    cors: {
      type: 'boolean',
      default: false,
      description: `
        Lets web pages of any origin PUT here (Cross-Origin Resource Sharing). Off, because endpoints
        belong to app servers.`,
    },
    data_bytes_max: {
      type: 'integer',
      minimum: 0,
      maximum: 1_048_576,
      default: 4096,
      description: `
        Largest "data" of a PUT, in bytes of UTF-8; larger is answered 413. Data rides along to a
        connected device and is never stored: versions are what this protocol is for.`,
    },
    body_bytes_max: {
      type: 'integer',
      minimum: 64,
      maximum: 16_777_216,
      default: 16_384,
      description: `
        Largest body of a request; larger is answered 413. At least 3 * data_bytes_max + 64, because
        form encoding may triple the data.`,
    },
    header_bytes_max: {
      type: 'integer',
      minimum: 1024,
      maximum: 65_536,
      default: 8192,
      description: 'Largest head of a request (URL and headers); larger is answered 431.',
    },
    headers_timeout_ms: {
      type: 'integer',
      minimum: 1,
      maximum: 3_600_000,
      default: 10_000,
      description: `
        How long the head of a request may take to arrive. Short, because peers that drip bytes hold
        a connection each. At most request_timeout_ms.`,
    },
    request_timeout_ms: {
      type: 'integer',
      minimum: 1,
      maximum: 3_600_000,
      default: 15_000,
      description: 'How long a whole request may take to arrive.',
    },
    keep_alive_timeout_ms: {
      type: 'integer',
      minimum: 0,
      maximum: 3_600_000,
      default: 60_000,
      description: `
        How long a connection may stay open between two requests. Longer than a proxy keeps its own,
        so that it is the proxy that closes first.`,
    },
    connections_max: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000_000,
      default: 10_000,
      description: `
        Open connections of app servers; further ones are closed at once. Lowered by itself, as
        socket.sockets_max is, when the limit of file descriptors (ulimit -n) does not allow both.`,
    },
    puts_in_hand_max: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000_000,
      default: 10_000,
      description: `
        PUTs that may wait for the store at once; one more is answered 503. The bound of the memory
        that a slow store costs.`,
    },
    puts_per_second_max: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000_000,
      default: 100_000,
      description: `
        PUTs per second, of all app servers together; more are answered 429. The default is beyond
        what one process handles: lower it to protect what stands behind.`,
    },
    retry_after_secs: {
      type: 'integer',
      minimum: 1,
      maximum: 86_400,
      default: 5,
      description: 'What Retry-After says to an app server that is answered 429 or 503.',
    },
  },
} as const satisfies SectionSchema;
