import { randomBytes } from 'node:crypto';
import type { TokenKeyList } from '../../src/config/token-keys.ts';
import { TOKEN_KEY_BYTES } from '../../src/protocol/token.ts';

/** One key that no other server has. */
export function newKeys(): TokenKeyList {
  return [randomBytes(TOKEN_KEY_BYTES)];
}
