import type { SectionSchema } from '../key-schema.ts';

/** [tokens] */
export const TOKENS = {
  type: 'object',
  additionalProperties: false,
  description: `
    The secrets that turn a device's channel into an endpoint URL and back. Whoever holds them can make endpoints; whoever loses
    them loses every endpoint handed out. All nodes must have the same ones.`,
  properties: {
    keys: {
      type: 'array',
      items: { type: 'string', format: 'token-key' },
      uniqueItems: true,
      maxItems: 16,
      default: [],
      writeOnly: true,
      description: `
        Keys as the command "keys" prints them. The first makes endpoints, all of them read them: to
        rotate, put a new one first and keep the old ones. Empty: they are read from key_path. Prefer
        the file, or the environment, to a secret in this one.`,
    },
    key_path: {
      type: 'string',
      format: 'path',
      default: 'data/token.key',
      description: `
        File with keys, one a line, the first makes endpoints. Made with one fresh key on the first
        start; must be readable by its owner alone (mode 0600). Back it up.`,
    },
    cache_entries_max: {
      type: 'integer',
      minimum: 0,
      maximum: 10_000_000,
      default: 65_536,
      description: `
        Endpoints whose meaning is remembered rather than decrypted at each PUT; 0 remembers none. An
        entry takes about 300 bytes.`,
    },
  },
} as const satisfies SectionSchema;
