import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createDevice } from '../../src/client/device.ts';
import { openScriptedServer, type ScriptedServer } from '../support/scripted-server.ts';
import { sourceFile } from '../support/source-file.ts';

// From build/test/client/ to the compiled files, in which imports of types alone are gone.
const BUILD = new URL('../../src/', import.meta.url);

/** Every module that a browser loads for the file at `path`, as `own` paths and `vendor` specifiers. */
function loadedBy(path: string): { readonly own: Set<string>; readonly vendor: Set<string> } {
  const own = new Set([path]);
  const vendor = new Set<string>();
  for (const next of own) {
    const file = sourceFile(next, readFileSync(fileURLToPath(new URL(next, BUILD)), 'utf8'));
    for (const imported of file.ownImports) own.add(imported);
    for (const imported of file.vendorImports) vendor.add(imported);
  }
  return { own, vendor };
}

describe('the client in a browser', () => {
  for (const path of ['client/device.js', 'client/put.js']) {
    it(`loads for ${path} no package but uuid, and nothing of Node's`, () => {
      expect([...loadedBy(path).vendor]).to.deep.equal(['uuid']);
    });
  }

  it('loads nothing of the server but the words that both share', () => {
    const strays = [...loadedBy('client/device.js').own].filter(
      (path) => !/^(?:client|protocol)\/|^assert\.js$/.test(path),
    );
    expect(strays).to.deep.equal([]);
  });

  it('would be told of a module that needs Node', () => {
    expect([...loadedBy('client/node-socket.js').vendor]).to.deep.equal(['ws']);
    expect([...loadedBy('protocol/connect.js').vendor]).to.deep.equal(['node:net']);
  });

  describe('with the WebSocket of the platform', () => {
    let server: ScriptedServer;

    beforeEach(async () => {
      server = await openScriptedServer();
    });
    afterEach(() => server.close());

    async function talk(): Promise<void> {
      const device = createDevice({ server: server.url, onUpdate: () => undefined });
      device.connect();
      const peer = await server.nextPeer();
      await peer.welcome('0123456789abcdef0123456789abcdef');
      await Promise.all([device.register(), peer.confirm()]);
      device.close();
      expect(await peer.nextClose()).to.have.property('code', 1000);
    }

    // Node has one from version 22 on.
    if ('WebSocket' in globalThis) {
      it('connects, registers and closes', talk);
    } else {
      it('asks to be given one, for there is none', async () => {
        const error = await talk().catch((reason: unknown) => reason);
        expect(error).to.be.instanceOf(TypeError);
        expect(error)
          .to.have.property('message')
          .that.matches(/openSocket must be given/);
      });
    }
  });
});
