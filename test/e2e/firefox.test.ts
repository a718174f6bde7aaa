import { expect } from 'chai';
import { type ChildServer, startChildServer } from '../support/child-server.ts';
import { type Firefox, openFirefox } from '../support/firefox.ts';
import { findFreePorts } from '../support/free-ports.ts';
import { putStatus } from '../support/put.ts';
import { Resources } from '../support/resources.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { openPushSite, type PushSite } from './push-site.ts';

describe('Firefox as a device', function () {
  this.timeout(60_000);

  const resources = new Resources();
  let site: PushSite;
  let startServer: () => Promise<ChildServer>;
  let startFirefox: () => Promise<Firefox>;
  let server: ChildServer;
  let firefox: Firefox;
  let endpoint: string;

  before(async () => {
    const folder = resources.keep(await makeTemporaryFolder());
    site = resources.keep(await openPushSite());
    const [socketPort = 0, endpointPort = 0] = await findFreePorts(2);
    const settings = {
      'socket.port': socketPort,
      'endpoint.port': endpointPort,
      'storage.driver': 'embedded',
    };
    startServer = async () => resources.keep(await startChildServer(folder.path, settings));
    const profileFolder = `${folder.path}/profile`;
    startFirefox = async () =>
      resources.keep(await openFirefox({ profileFolder, pushUrl: server.urls.ws }));
    server = await startServer();
    firefox = await startFirefox();
    const page = await firefox.openPage(site.url);
    endpoint = String(await page.evaluate('subscribe()'));
  });

  after(() => resources.dispose());

  it('subscribes at an endpoint of ours', () => {
    expect(endpoint.slice(0, server.urls.endpoint.length)).to.equal(server.urls.endpoint);
  });

  it('tells its service worker of an update', async () => {
    expect(await putStatus(endpoint, { version: 1 })).to.equal(200);
    expect(await site.nextEvent()).to.equal('push');
  });

  it('hears of an update after the server was restarted', async () => {
    await server.stop();
    server = await startServer();
    // Whether Firefox is back by now is up to Firefox.
    expect(await putStatus(endpoint, { version: 2 })).to.be.oneOf([200, 202]);
    expect(await site.nextEvent()).to.equal('push');
  });

  it('hears, when it is opened again, of an update from while it was closed', async () => {
    await firefox.close();
    expect(await putStatus(endpoint, { version: 3 })).to.equal(202);
    firefox = await startFirefox();
    expect(await site.nextEvent()).to.equal('push');
  });

  it('hears of an update from while it was closed, before the server was restarted', async () => {
    await firefox.close();
    expect(await putStatus(endpoint, { version: 4 })).to.equal(202);
    await server.stop();
    server = await startServer();
    firefox = await startFirefox();
    expect(await site.nextEvent()).to.equal('push');
  });
});
