import type { SectionSchema } from '../key-schema.ts';
import { RPC_KEYS } from './mail-rpc.ts';
import { TLS_KEYS } from './tls.ts';

/** [mailgate] */
export const MAIL_GATE = {
  type: 'object',
  additionalProperties: false,
  description: `
    Where devices register mailboxes to be watched. It faces the internet, and holds nothing: the
    credentials in a registration are sealed to the backend, and pass through.`,
  properties: {
    ...TLS_KEYS,
    ...RPC_KEYS,
    host: {
      type: 'string',
      format: 'host',
      default: '127.0.0.1',
      description: `
        Address to listen on.`,
    },
    port: {
      type: 'integer',
      minimum: 0,
      maximum: 65535,
      default: 8083,
      description: `
        Port to listen on; 0 takes a free one, which the ready line tells.`,
    },
    body_bytes_max: {
      type: 'integer',
      minimum: 32768,
      maximum: 1048576,
      default: 65536,
      description: `
        Longest body of a request.`,
    },
    request_timeout_ms: {
      type: 'integer',
      minimum: 100,
      maximum: 300000,
      default: 10000,
      description: `
        How long a request may take to arrive, head and body.`,
    },
    connections_max: {
      type: 'integer',
      minimum: 1,
      maximum: 100000,
      default: 1000,
      description: `
        Connections that may be open at once.`,
    },
    requests_per_minute_max: {
      type: 'integer',
      minimum: 1,
      maximum: 100000,
      default: 60,
      description: `
        Requests of one address in a minute; more are answered 429.`,
    },
    addresses_max: {
      type: 'integer',
      minimum: 1,
      maximum: 1000000,
      default: 10000,
      description: `
        Addresses whose requests are counted; beyond it the one that asked longest ago is forgotten. An
        entry takes about 150 bytes.`,
    },
    trusted_proxies: {
      type: 'array',
      items: { type: 'string', format: 'network' },
      uniqueItems: true,
      maxItems: 64,
      default: [],
      description: `
        Addresses and networks of proxies whose X-Forwarded-For is believed.`,
    },
    allowed_origins: {
      type: 'array',
      items: { type: 'string', format: 'origin-or-any' },
      uniqueItems: true,
      maxItems: 1000,
      default: [],
      description: `
        Web origins whose pages may call the gate from a browser (Cross-Origin Resource Sharing); "*"
        allows all. Empty, a page must have the gate's own origin. At a gate that only your own
        network reaches, "*" lets any page that somebody opens there reach it too.`,
    },
    retry_after_ms: {
      type: 'integer',
      minimum: 1000,
      maximum: 3600000,
      default: 5000,
      description: `
        What devices are told to wait while the backend is away.`,
    },
  },
} as const satisfies SectionSchema;
