/** Run by token-keys.test.ts: on the word of its parent, loads the keys at the path it was given and reports what it got. */
import { loadTokenKeys } from '../../src/config/token-keys.ts';

const keyPath = process.argv[2] ?? '';

process.once('message', async () => {
  const loaded = await loadTokenKeys({ keys: [], keyPath });
  const report = loaded.ok ? Buffer.from(loaded.keys[0]).toString('base64url') : loaded.problem;
  process.send?.(report, () => process.disconnect());
});
process.send?.('ready');
