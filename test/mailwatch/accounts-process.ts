/** Run by accounts.test.ts: writes accounts, prints the id of each that was promised, and kills itself. */
import { writeSync } from 'node:fs';
import { openAccounts } from '../../src/mailwatch/accounts.ts';
import { accountIdOf } from '../../src/mailwatch/tokens.ts';

const ACCOUNTS = 200;

const accounts = await openAccounts(process.argv[2] ?? '', 16 * 1024 * 1024);
await accounts.claim({ nowMs: 0, untilMs: 1 });
for (let index = 0; index < ACCOUNTS; index++) {
  const id = accountIdOf(`https://push.example/update/${index}`);
  await accounts.update(id, () => ({
    id,
    tokenHash: '',
    generation: '',
    maxPollMs: 1,
    seenAtMs: index,
    notBeforeMs: 0,
    progress: { folders: [{ name: 'INBOX' }], told: 'none' },
  }));
  writeSync(1, `${id}\n`);
}
process.kill(process.pid, 'SIGKILL');
