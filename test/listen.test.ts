import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect } from 'chai';
import { listen, listenOnPort } from '../src/listen.ts';

const HOST = '127.0.0.1';

describe('listening on a port', () => {
  it('takes the one that is given', async () => {
    expect(await listenOnPort({ host: HOST, port: 4711 }, async (port) => port)).to.equal(4711);
  });

  it('finds a free one for 0, which the other library is given', async () => {
    const server = createServer();
    const port = await listenOnPort({ host: HOST, port: 0 }, (free) =>
      listen(server, { host: HOST, port: free }),
    );
    expect(port).to.be.greaterThan(0);
    server.close();
    await once(server, 'close');
  });

  it('tries again when that was taken meanwhile, and not for ever', async () => {
    const tried: number[] = [];
    const takenAtFirst = async (port: number) => {
      tried.push(port);
      if (tried.length < 3) throw new Error('taken');
      return port;
    };
    expect(await listenOnPort({ host: HOST, port: 0 }, takenAtFirst)).to.equal(tried[2]);
    let tries = 0;
    const taken = async () => {
      tries++;
      throw new Error('taken');
    };
    const failed = await listenOnPort({ host: HOST, port: 0 }, taken).catch(String);
    expect(failed).to.equal('Error: taken');
    expect(tries).to.equal(10);
  });

  it('tries a port that is given once', async () => {
    let tries = 0;
    const taken = async () => {
      tries++;
      throw new Error('taken');
    };
    await listenOnPort({ host: HOST, port: 4711 }, taken).catch(() => {});
    expect(tries).to.equal(1);
  });
});
