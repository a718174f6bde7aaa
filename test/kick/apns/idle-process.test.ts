import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { HandClock } from '../../storage/hand-clock.ts';
import { startFakeApns } from '../../support/fake-apns.ts';
import { fakeOptions, KEYS } from './open-apns.ts';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('idle-process.js', import.meta.url));

describe('an idle connection to APNs', () => {
  it('does not keep the process alive, and one with a wake in flight does', async () => {
    const fake = await startFakeApns({
      ...(await fakeOptions(new HandClock())),
      nowMs: Date.now,
    });
    try {
      // Killed, and failed, when it does not end.
      const args = [SCRIPT, fake.url, fake.ca, KEYS.privateKeyPem];
      const { stdout } = await run(process.execPath, args, { timeout: 9000 });
      expect(stdout).to.equal('woken\n');
    } finally {
      await fake.close();
    }
  });
});
