import { expect } from 'chai';
import { type CertificateFiles, makeCertificate } from '../config/certificates.ts';
import { getJson } from '../support/get-json.ts';
import { upgradeBytes } from '../support/raw-frames.ts';
import { nextAnswer } from '../support/raw-http.ts';
import { openTestServer } from '../support/server.ts';
import type { Settings } from '../support/settings.ts';
import { openTcpClient, openTlsClient } from '../support/tcp-client.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

describe('device sockets over TLS', () => {
  let folder: TemporaryFolder;
  let files: CertificateFiles;

  before(async () => {
    folder = await makeTemporaryFolder();
    files = await makeCertificate(folder.path, 'localhost');
  });
  after(() => folder[Symbol.asyncDispose]());

  const open = (settings: Settings) =>
    openTestServer({
      settings: {
        'socket.tls_certificate_path': files.certificatePath,
        'socket.tls_key_path': files.keyPath,
        ...settings,
      },
    });

  for (const transport of ['uws', 'ws'] as const) {
    const settings = { 'socket.transport': transport };

    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      it(`on ${transport} talk ${version}`, async () => {
        await using server = await open(settings);
        expect(server.urls.ws).to.match(/^wss:/);
        const device = await server.connect({
          socketOptions: {
            rejectUnauthorized: false,
            minVersion: version,
            maxVersion: version,
          },
        });
        expect(await device.hello()).to.include({ status: 200 });
      });
    }

    it(`on ${transport} serve nobody in plain text, and go on`, async () => {
      await using server = await open(settings);
      const plain = await openTcpClient(server.urls.ws);
      plain.write(upgradeBytes(server.urls.ws.replace('wss:', 'ws:')));
      await plain.ended();
      const client = await openTlsClient(server.urls.ws);
      client.write(upgradeBytes(server.urls.ws));
      expect((await nextAnswer(client)).status).to.equal(101);
      client.destroy();
    });
  }

  it('refuse TLS 1.2 where only 1.3 is allowed, on the transport that can', async () => {
    await using server = await open({ 'socket.tls_min_version': '1.3' });
    const { body } = await getJson(`${server.urls.admin}status`);
    expect(body).to.have.nested.property('roles.push.transports.socket', 'ws');
    const refused = await openTlsClient(server.urls.ws, { maxVersion: 'TLSv1.2' }).catch(
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect(refused).to.equal('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
    const device = await server.connect({ socketOptions: { rejectUnauthorized: false } });
    expect(await device.hello()).to.include({ status: 200 });
  });
});
