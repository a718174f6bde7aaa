import { expect } from 'chai';
import { type ChildServer, startChildServer } from '../support/child-server.ts';
import { type Firefox, openFirefox } from '../support/firefox.ts';
import { findFreePorts } from '../support/free-ports.ts';
import { putStatus } from '../support/put.ts';
import type { Settings } from '../support/settings.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';
import { openPushSite, type PushSite } from './push-site.ts';

describe('Firefox as a device', function () {
  this.timeout(60_000);

  let folder: TemporaryFolder;
  let site: PushSite;
  let settings: Settings;
  let server: ChildServer;
  let firefox: Firefox;
  let endpoint: string;

  const startServer = () => startChildServer(folder.path, settings);
  const startFirefox = () =>
    openFirefox({ profileFolder: `${folder.path}/profile`, pushUrl: server.urls.ws });

  before(async () => {
    folder = await makeTemporaryFolder();
    site = await openPushSite();
    const [socketPort = 0, endpointPort = 0] = await findFreePorts(2);
    settings = {
      'socket.port': socketPort,
      'endpoint.port': endpointPort,
      'storage.driver': 'embedded',
    };
    server = await startServer();
    firefox = await startFirefox();
    const page = await firefox.openPage(site.url);
    endpoint = String(await page.evaluate('subscribe()'));
  });

  after(async () => {
    await firefox[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await site[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  it('subscribes at our endpoint', () => {
    expect(endpoint.startsWith(`${server.urls.endpoint}update/`), endpoint).to.equal(true);
  });

  it('tells its service worker of an update', async () => {
    expect(await putStatus(endpoint, { version: 1 })).to.equal(200);
    expect(await site.nextEvent()).to.equal('push');
  });

  it('hears of an update after the server was restarted', async () => {
    await server.stop();
    server = await startServer();
    expect(await putStatus(endpoint, { version: 2 })).to.be.oneOf([200, 202]);
    expect(await site.nextEvent()).to.equal('push');
  });

  it('hears of an update from while it was closed, when it is opened again', async () => {
    await firefox.close();
    expect(await putStatus(endpoint, { version: 3 })).to.equal(202);
    firefox = await startFirefox();
    expect(await site.nextEvent()).to.equal('push');
  });
});
