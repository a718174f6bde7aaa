import type { KeySchema } from '../key-schema.ts';

/** How gate and backend reach each other, the same in both sections. */
export const RPC_KEYS = {
  rpc_path: {
    type: 'string',
    format: 'path',
    default: 'data/mail/rpc.sock',
    description: `
      Socket file between gate and backend, for their own user alone. Used when rpc_address is empty.`,
  },
  rpc_address: {
    type: 'string',
    format: 'server-address-or-empty',
    default: '',
    description: `
      host:port of the backend, where it runs on another machine; then both ends speak TLS and prove who
      they are by the three files below. Empty: the socket file.`,
  },
  rpc_certificate_path: {
    type: 'string',
    format: 'path-or-empty',
    default: '',
    description: `
      PEM file with the certificate of this end, for rpc_address.`,
  },
  rpc_key_path: {
    type: 'string',
    format: 'path-or-empty',
    default: '',
    description: `
      PEM file with the private key of that certificate.`,
  },
  rpc_ca_path: {
    type: 'string',
    format: 'path-or-empty',
    default: '',
    description: `
      PEM file with the authority that the certificate of the other end must come from. Use one that
      certifies nothing else.`,
  },
  rpc_deadline_ms: {
    type: 'integer',
    minimum: 50,
    maximum: 60000,
    default: 800,
    description: `
      How long one call may take. A device is answered 503 when the backend does not answer in time.`,
  },
  rpc_in_flight_max: {
    type: 'integer',
    minimum: 1,
    maximum: 10000,
    default: 256,
    description: `
      Calls that may wait for the backend at once; one more is answered 503.`,
  },
  rpc_message_bytes_max: {
    type: 'integer',
    minimum: 32768,
    maximum: 1048576,
    default: 65536,
    description: `
      Longest message between the two.`,
  },
} as const satisfies Record<string, KeySchema>;
