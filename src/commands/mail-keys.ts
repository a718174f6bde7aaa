/** The secrets of the mail watch, from the config or from their files, which the first start makes. */
import { createECDH } from 'node:crypto';
import type { Config } from '../config/config.ts';
import { loadSecretFile } from '../config/secret-file.ts';
import { type LoadedTokenKeys, loadTokenKeys } from '../config/token-keys.ts';
import type { NamedSealingKey, SealingKeys } from '../mailwatch/registration.ts';
import { type MasterKeys, toMasterKeys } from '../mailwatch/vault/master-keys.ts';
import { isPrivateKey, newSealingKey, sealingKeyId } from '../protocol/envelope.ts';
import { RefusedConfigError } from './role.ts';

/** What seals credentials at rest. @throws RefusedConfigError */
export async function loadMasterKeys({
  masterKeys,
  masterKeyPath,
}: Config['mailwatch']): Promise<MasterKeys> {
  const loaded: LoadedTokenKeys = await loadTokenKeys(
    { keys: masterKeys, keyPath: masterKeyPath },
    'mailwatch.master_key_path',
  );
  if (!loaded.ok) throw new RefusedConfigError([loaded.problem]);
  return toMasterKeys(loaded.keys);
}

/** What devices seal their credentials to: private keys in base64, one a line, the first is told. @throws RefusedConfigError */
export async function loadSealingKeys({
  sealingKeyPath,
}: Config['mailwatch']): Promise<SealingKeys> {
  const loaded = await loadSecretFile(
    sealingKeyPath,
    async () => `${(await newSealingKey()).privateKey}\n`,
  );
  const key = 'mailwatch.sealing_key_path';
  if (!loaded.ok) {
    throw new RefusedConfigError([{ key, expected: loaded.expected, found: loaded.found }]);
  }
  const lines = loaded.text.split('\n').filter((line) => line.trim() !== '');
  const named = await Promise.all(lines.map(toNamedKey));
  const [first, ...rest] = named.flatMap((one) => one ?? []);
  if (first === undefined || rest.length + 1 !== lines.length) {
    const expected = `private keys in ${sealingKeyPath}, one a line, as the first start makes them`;
    throw new RefusedConfigError([{ key, expected, found: 'something else' }]);
  }
  return [first, ...rest];
}

async function toNamedKey(line: string): Promise<NamedSealingKey | undefined> {
  const privateKey = line.trim();
  if (!(await isPrivateKey(privateKey))) return undefined;
  const publicKey = publicKeyOf(privateKey);
  return { id: await sealingKeyId(publicKey), key: { publicKey, privateKey } };
}

/** The point of P-256 that belongs to the private key. */
function publicKeyOf(privateKey: string): string {
  const pair = createECDH('prime256v1');
  pair.setPrivateKey(privateKey, 'base64');
  return pair.getPublicKey('base64', 'uncompressed');
}
