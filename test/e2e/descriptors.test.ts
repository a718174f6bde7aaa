import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { expect } from 'chai';
import { type ChildServer, startChildServer } from '../support/child-server.ts';
import { frameBytes, upgradeBytes } from '../support/raw-frames.ts';
import { Resources } from '../support/resources.ts';
import { TcpClient } from '../support/tcp-client.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { GoodPair } from './good-pair.ts';
import { inTurns } from './in-turns.ts';

const DESCRIPTORS_MAX = 1_000;
/** What a server needs at any time to take a connection, if only to end it, and for its files. */
const DESCRIPTORS_LEFT_MIN = 50;
/** Twice as many as it could hold. */
const STRANGERS = 2 * DESCRIPTORS_MAX;

describe('a server whose file descriptors strangers are after', function () {
  this.timeout(30_000);

  const resources = new Resources();
  const crowd: TcpClient[] = [];
  let server: ChildServer;
  let pair: GoodPair;

  beforeEach(async () => {
    const folder = resources.keep(await makeTemporaryFolder());
    const limits = { descriptorsMax: DESCRIPTORS_MAX };
    server = resources.keep(await startChildServer(folder.path, {}, limits));
    pair = await GoodPair.open(server);
    // Opens the connection of its app server: newcomers find no room among so many strangers.
    await pair.playDuring(async () => {});
  });

  afterEach(async () => {
    for (const stranger of crowd.splice(0)) stranger.destroy();
    pair.leave();
    await resources.dispose();
  });

  /** A connection that this end does not end. */
  const meet = async (url: string): Promise<TcpClient> => {
    const { hostname: host, port } = new URL(url);
    const socket = connect({ host, port: Number(port), allowHalfOpen: true });
    const stranger = new TcpClient(socket);
    crowd.push(stranger);
    // Let in, or turned away by a reset before this end has noticed that it was connected.
    await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
    return stranger;
  };

  const attacks: readonly { readonly title: string; readonly begin: () => Promise<unknown> }[] = [
    { title: 'that send nothing to the endpoint', begin: () => meet(pair.endpoint) },
    { title: 'that send nothing to the devices’ listener', begin: () => meet(server.urls.ws) },
    {
      title: 'that stay when the server has closed their WebSockets',
      async begin() {
        const stranger = await meet(server.urls.ws);
        stranger.write(upgradeBytes(server.urls.ws));
        // Let in, or refused.
        await Promise.race([
          new Promise((resolve) => stranger.socket.once('data', resolve)),
          stranger.ended(),
        ]);
        stranger.write(frameBytes('no JSON'));
        await stranger.ended();
      },
    },
  ];
  for (const { title, begin } of attacks) {
    it(`keeps some from ${STRANGERS} connections ${title}`, async () => {
      await pair.playDuring(() => inTurns(STRANGERS, begin));
      const taken = (await readdir(`/proc/${await server.pushPid()}/fd`)).length;
      expect(taken).to.be.below(DESCRIPTORS_MAX - DESCRIPTORS_LEFT_MIN);
    });
  }
});
