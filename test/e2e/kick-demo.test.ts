import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const DEMO = fileURLToPath(new URL('../../loadtest/kick-demo.js', import.meta.url));

async function demo(...args: readonly string[]) {
  const child = spawn(process.execPath, [DEMO, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  }
  const [code] = await once(child, 'close');
  return { code, printed };
}

describe('the demonstration of wake-ups', function () {
  this.timeout(60_000);

  it('wakes devices through FCM and APNs, shows a dead token, and ends by itself', async () => {
    const { code, printed } = await demo();
    expect(code, printed).to.equal(0);
    for (const text of [
      'FCM takes a message',
      'and has version 17',
      'APNs takes a push',
      'and has version 18',
      'UNREGISTERED',
      'and has version 20',
    ]) {
      expect(printed).to.include(text);
    }
  });

  it('explains itself', async () => {
    const { code, printed } = await demo('--help');
    expect(code).to.equal(0);
    expect(printed).to.include('--log');
  });

  it('refuses what it does not know, with exit code 2', async () => {
    const { code, printed } = await demo('--fast');
    expect(code).to.equal(2);
    expect(printed).to.match(/^error: /);
  });
});
