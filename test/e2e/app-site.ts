/** A web app that uses the client library as it is compiled, by the names that its modules import. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// From build/test/e2e/ to the root, which has build/ and node_modules/.
const ROOT = new URL('../../../', import.meta.url);

const PACKAGES = {
  '@hpke/core': '/node_modules/@hpke/core/esm/mod.js',
  '@hpke/common': '/node_modules/@hpke/common/esm/mod.js',
  uuid: '/node_modules/uuid/dist/index.js',
};
const PAGE = `<!doctype html><title>app</title>
<script type="importmap">${JSON.stringify({ imports: PACKAGES })}</script>
<script type="module">
  import { createMailWatch } from '/build/src/client/mail.js';
  globalThis.createMailWatch = createMailWatch;
</script>`;

export interface AppSite extends AsyncDisposable {
  /** The same site by two names is two origins. Its page has the library's `createMailWatch`. */
  readonly origins: readonly [string, string];
}

/** Listens on a free port; both its origins are secure enough for WebCrypto. */
export async function openAppSite(): Promise<AppSite> {
  const server = createServer(async ({ url = '/' }, response) => {
    const script = url === '/' ? undefined : await readScript(url);
    if (url !== '/' && script === undefined) response.statusCode = 404;
    response.setHeader('Content-Type', url === '/' ? 'text/html' : 'text/javascript');
    response.end(url === '/' ? PAGE : script);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    origins: [`http://localhost:${port}`, `http://127.0.0.1:${port}`],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}

/** Undefined for what is no script of ours. */
async function readScript(path: string): Promise<string | undefined> {
  if (!path.endsWith('.js')) return undefined;
  return await readFile(new URL(`.${path}`, ROOT), 'utf8').catch(() => undefined);
}
