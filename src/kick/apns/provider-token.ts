import { createPrivateKey, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Clock } from '../../clock.ts';

/** The key cannot sign. The message says what is wrong with it and holds nothing of it. */
export class ProviderKeyError extends Error {
  override readonly name = 'ProviderKeyError';
}

export interface ProviderTokensDeps {
  readonly teamId: string;
  readonly keyId: string;
  /** PKCS #8, as Apple hands it out in a `.p8` file. */
  readonly privateKeyPem: string;
  readonly clock: Clock;
}

/** Apple refuses tokens older than an hour; ten minutes are left for clocks that differ. */
export const TOKEN_REUSE_MS = 3_000_000;
/** Apple refuses a new token sooner after the last one. */
export const TOKEN_AGE_MS_MIN = 1_200_000;

interface Minted {
  readonly token: Promise<string>;
  readonly atMs: number;
}

/**
 * The JSON web token that APNs knows us by: one for a team and key, made when it is first needed and used for 50 minutes. Those who
 * ask while it is being signed get the same one.
 */
export class ProviderTokens {
  readonly #deps: ProviderTokensDeps;
  #minted: Minted | undefined;
  #replacedAtMs: number | undefined;

  constructor(deps: ProviderTokensDeps) {
    this.#deps = deps;
  }

  /** @throws ProviderKeyError */
  current(): Promise<string> {
    const nowMs = this.#deps.clock.monotonicMs();
    const minted = this.#minted;
    if (minted !== undefined && nowMs - minted.atMs < TOKEN_REUSE_MS) return minted.token;
    return this.#mint(nowMs);
  }

  /**
   * The token to use instead of one that Apple called expired: already replaced, or made now. Undefined when one was replaced less than
   * 20 minutes ago: then it is not its age that is wrong, but this machine's clock.
   * @throws ProviderKeyError
   */
  async replace(expired: string): Promise<string | undefined> {
    const minted = this.#minted;
    // Others of the same connection may have been told the same, and have come here first.
    if (minted === undefined || (await minted.token) !== expired || this.#minted !== minted) {
      return this.current();
    }
    const nowMs = this.#deps.clock.monotonicMs();
    if (this.#replacedAtMs !== undefined && nowMs - this.#replacedAtMs < TOKEN_AGE_MS_MIN) {
      return undefined;
    }
    this.#replacedAtMs = nowMs;
    return this.#mint(nowMs);
  }

  #mint(nowMs: number): Promise<string> {
    const token = this.#sign();
    const minted: Minted = { token, atMs: nowMs };
    this.#minted = minted;
    // A token that could not be signed is not kept: the next caller tries again.
    token.catch(() => {
      if (this.#minted === minted) this.#minted = undefined;
    });
    return token;
  }

  async #sign(): Promise<string> {
    const { teamId, keyId, privateKeyPem, clock } = this.#deps;
    return new SignJWT({ iss: teamId, iat: Math.floor(clock.nowMs() / 1000) })
      .setProtectedHeader({ alg: 'ES256', kid: keyId })
      .sign(parseProviderKey(privateKeyPem));
  }
}

/** @throws ProviderKeyError */
export function parseProviderKey(pem: string): KeyObject {
  const key = readPrivateKey(pem);
  const isP256 =
    key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
  if (!isP256) throw new ProviderKeyError('it is not a key on the curve P-256');
  return key;
}

function readPrivateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    // Without its cause: the text of a key has no place in a log.
    throw new ProviderKeyError('it is not a private key in PEM form');
  }
}
