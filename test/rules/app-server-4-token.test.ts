import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createLog } from '../../src/log.ts';
import { openMemoryStore } from '../support/memory-store.ts';
import { putStatus } from '../support/put.ts';
import { StoppableStore } from '../support/stoppable-store.ts';
import { subscribe } from '../support/subscription.ts';
import { newKeys } from '../support/token-keys.ts';
import { describeRule } from './rule.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

function tokenOf(endpoint: string): string {
  return endpoint.slice(endpoint.lastIndexOf('/') + 1);
}

describeRule('App-server side 4: token', (open) => {
  it('is refused with 404 when any of its bits is another', async () => {
    await using server = await open();
    const { endpoint } = await subscribe(server);
    const token = tokenOf(endpoint);
    for (let bit = 0; bit < 6 * token.length; bit += 5) {
      const at = Math.floor(bit / 6);
      const changed = ALPHABET[ALPHABET.indexOf(token.charAt(at)) ^ (1 << (bit % 6))] ?? '';
      const forged = token.slice(0, at) + changed + token.slice(at + 1);
      const status = await putStatus(endpoint.replace(token, forged), { version: 1 });
      expect(status, `bit ${bit}`).to.equal(404);
    }
  });

  it('is refused with 404 when it is cut or extended', async () => {
    await using server = await open();
    const { endpoint } = await subscribe(server);
    for (const forged of [endpoint.slice(0, -1), `${endpoint}A`, `${endpoint}=`]) {
      expect(await putStatus(forged, { version: 1 })).to.equal(404);
    }
  });

  it('is the same for the same channel, and shares nothing with that of another', async () => {
    await using server = await open();
    const { device, channelID, endpoint } = await subscribe(server);
    expect((await device.register(channelID)).pushEndpoint).to.equal(endpoint);
    const { pushEndpoint: other = '' } = await device.register(randomUUID());
    const [token, otherToken] = [tokenOf(endpoint), tokenOf(other)];
    // By chance two tokens have the same first four characters once in 16 million times.
    expect(token.slice(0, 4)).not.to.equal(otherToken.slice(0, 4));
    expect(token.slice(-4)).not.to.equal(otherToken.slice(-4));
  });

  it('is taken by a server that has its key in second place', async () => {
    const [oldKey] = newKeys();
    const [newKey] = newKeys();
    const store = openMemoryStore();
    await using before = await open({ keys: [oldKey], store });
    const { endpoint, uaid, channelID } = await subscribe(before);
    await using after = await open({ keys: [newKey, oldKey], store });
    const moved = endpoint.replace(before.urls.endpoint, after.urls.endpoint);
    expect(await putStatus(moved, { version: 1 })).to.equal(202);
    const { endpoint: renewed } = await subscribe(after, { uaid, channelID });
    expect(renewed).not.to.equal(moved);
    expect(await putStatus(moved, { version: 1 })).to.equal(200);
  });

  it('appears in no line of the log and no metric', async () => {
    const lines: string[] = [];
    const destination = { write: (line: string) => lines.push(line) };
    const log = createLog({ level: 'trace', format: 'json', isTerminal: false, destination });
    const store = new StoppableStore(openMemoryStore());
    await using server = await open({ log, store });
    const { endpoint } = await subscribe(server);
    const token = tokenOf(endpoint);
    const statuses = [await putStatus(endpoint, { version: 1 })];
    statuses.push(await putStatus(endpoint, { version: 'x' }));
    statuses.push(await putStatus(`${endpoint}x`, { version: 1 }));
    store.fail();
    statuses.push(await putStatus(endpoint, { version: 1 }));
    expect(statuses).to.deep.equal([200, 400, 404, 503]);
    const metrics = await (await fetch(`${server.urls.admin}metrics`)).text();
    const status = await (await fetch(`${server.urls.admin}status`)).text();
    expect(lines.join('')).to.include('put.store.failed');
    for (const text of [lines.join(''), metrics, status]) expect(text).not.to.include(token);
  });
});
