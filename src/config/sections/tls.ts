import type { KeySchema } from '../key-schema.ts';

/** TLS keys, the same for each public listener. */
export const TLS_KEYS = {
  tls_certificate_path: {
    type: 'string',
    format: 'path-or-empty',
    default: '',
    description: `
      PEM file with the certificate, followed by the intermediate ones. Set it together with
      tls_key_path to speak TLS here; leave both empty behind a proxy that does.`,
  },
  tls_key_path: {
    type: 'string',
    format: 'path-or-empty',
    default: '',
    description: 'PEM file with the private key of the certificate, without passphrase.',
  },
  tls_min_version: {
    type: 'string',
    enum: ['1.2', '1.3'],
    default: '1.2',
    description: `
      Oldest version of TLS that is accepted. Old phones and televisions know nothing newer than 1.2.
      The transport "uws" cannot be told to refuse 1.2.`,
  },
} as const satisfies Record<string, KeySchema>;
