import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const DEMO_PATH = fileURLToPath(new URL('../../loadtest/mail-demo.js', import.meta.url));

describe('the demonstration of the mail watch', function () {
  this.timeout(120_000);

  it('shows the road of three mails, and ends with 0', async () => {
    const { code, stdout, stderr } = await demo();
    expect(stderr).to.equal('');
    expect(code).to.equal(0);
    expect(stdout.match(/^ {4}\S+Z \S+ [0-9]+$/gm)).to.have.lengthOf(3);
    expect(stdout).to.include('watching since').and.include('the credentials are erased');
  });

  it('says what to install where Dovecot is missing, and ends with 2', async () => {
    const { code, stderr } = await demo('--dovecot', '/nowhere');
    expect(code).to.equal(2);
    expect(stderr).to.include('apt-get install dovecot-imapd dovecot-lmtpd');
  });

  it('refuses what it does not know with 2', async () => {
    expect((await demo('--fast')).code).to.equal(2);
  });
});

async function demo(
  ...args: readonly string[]
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [DEMO_PATH, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      printed[stream] += text;
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...printed };
}
