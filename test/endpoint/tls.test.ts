import { expect } from 'chai';
import { type CertificateFiles, makeCertificate } from '../config/certificates.ts';
import { nextAnswer, putBytes } from '../support/raw-http.ts';
import { openTestServer } from '../support/server.ts';
import type { Settings } from '../support/settings.ts';
import { subscribe } from '../support/subscription.ts';
import { openTcpClient, openTlsClient } from '../support/tcp-client.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

describe('endpoints over TLS', () => {
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
        'endpoint.tls_certificate_path': files.certificatePath,
        'endpoint.tls_key_path': files.keyPath,
        ...settings,
      },
    });

  for (const transport of ['node', 'uws'] as const) {
    const settings = { 'endpoint.transport': transport };

    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      it(`on ${transport} talk ${version}`, async () => {
        await using server = await open(settings);
        const { endpoint } = await subscribe(server);
        expect(endpoint).to.match(/^https:/);
        const client = await openTlsClient(endpoint, { minVersion: version, maxVersion: version });
        client.write(putBytes(endpoint));
        expect((await nextAnswer(client)).status).to.equal(200);
        client.destroy();
      });
    }

    it(`on ${transport} serve nobody in plain text, and go on`, async () => {
      await using server = await open(settings);
      const { endpoint } = await subscribe(server);
      const plain = await openTcpClient(endpoint);
      plain.write(putBytes(endpoint));
      await plain.ended();
      const client = await openTlsClient(endpoint);
      client.write(putBytes(endpoint));
      expect((await nextAnswer(client)).status).to.equal(200);
      client.destroy();
    });
  }

  it('refuse TLS 1.2 where only 1.3 is allowed', async () => {
    await using server = await open({ 'endpoint.tls_min_version': '1.3' });
    const { endpoint } = await subscribe(server);
    const refused = await openTlsClient(endpoint, { maxVersion: 'TLSv1.2' }).catch(
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect(refused).to.equal('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
    const client = await openTlsClient(endpoint);
    client.write(putBytes(endpoint));
    expect((await nextAnswer(client)).status).to.equal(200);
    client.destroy();
  });
});
