/** A web site whose page wants to be pushed to, and which hears of each push from the page's service worker. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Arrivals } from '../support/arrivals.ts';

/** Firefox takes its time to connect anew and to wake a service worker. */
const PUSH_WAIT_MS_MAX = 20_000;

const PAGE = `<!doctype html><title>push</title>
<script>
  async function subscribe() {
    await navigator.serviceWorker.register('/worker.js');
    const { pushManager } = await navigator.serviceWorker.ready;
    const { endpoint } = await pushManager.subscribe({ userVisibleOnly: true });
    return endpoint;
  }
</script>`;

const WORKER = `
  for (const type of ['push', 'pushsubscriptionchange']) {
    self.addEventListener(type, (event) => {
      event.waitUntil(fetch('/events/' + type, { method: 'POST' }));
    });
  }`;

const FILES: Readonly<Record<string, { readonly type: string; readonly text: string }>> = {
  '/': { type: 'text/html', text: PAGE },
  '/worker.js': { type: 'text/javascript', text: WORKER },
};

export interface PushSite extends AsyncDisposable {
  /** Of the page; it has a function `subscribe()` that resolves to the endpoint. */
  readonly url: string;
  /** The type of the next event of the service worker: `push`, or `pushsubscriptionchange` when Firefox had to start anew. */
  nextEvent(): Promise<string>;
}

/** Listens on a free port; on localhost, service workers need no TLS. */
export async function openPushSite(): Promise<PushSite> {
  const events = new Arrivals<string>(PUSH_WAIT_MS_MAX);
  const server = createServer(({ url = '' }, response) => {
    const file = FILES[url];
    if (file !== undefined) response.setHeader('Content-Type', file.type);
    if (url.startsWith('/events/')) events.push(url.slice('/events/'.length));
    response.end(file?.text);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    nextEvent: () => events.next('an event of the service worker'),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}
