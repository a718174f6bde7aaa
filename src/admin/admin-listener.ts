/** The operators' listener: on loopback by default, because what it tells is not for strangers. */
import { createServer, type ServerResponse } from 'node:http';
import { listen } from '../listen.ts';
import type { HealthReport } from './health.ts';
import type { Prometheus } from './registry.ts';

const HEADER_BYTES_MAX = 8192;
const REQUEST_TIMEOUT_MS = 5000;
const CONNECTIONS_MAX = 100;

/** What `/status` tells; members are JSON. */
export type StatusReport = Readonly<Record<string, unknown>>;

/** What the listener answers with. Neither health nor status may reject. */
export interface AdminDeps {
  readonly health: () => Promise<HealthReport>;
  readonly status: () => Promise<StatusReport>;
  readonly prometheus: Pick<Prometheus, 'contentType' | 'render'>;
  readonly version: StatusReport;
}

/** The listener while it is open. */
export interface AdminListener {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens for operators and their monitoring. @throws Error when the address is taken. */
export async function listenForAdmin(
  address: { readonly host: string; readonly port: number },
  deps: AdminDeps,
): Promise<AdminListener> {
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
    },
    (request, response) => {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.setHeader('Allow', 'GET, HEAD');
        sendJson(response, 405, { error: 'Method Not Allowed' });
        return;
      }
      void answer((request.url ?? '').replace(/\?.*$/, ''), response, deps);
    },
  );
  server.maxConnections = CONNECTIONS_MAX;
  const port = await listen(server, address);
  return {
    port,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Never rejects. */
async function answer(
  path: string,
  response: ServerResponse,
  { health, prometheus, status, version }: AdminDeps,
): Promise<void> {
  switch (path) {
    case '/health': {
      const report = await health();
      sendJson(response, report.ready ? 200 : 503, report);
      return;
    }
    case '/status':
    case '/status/':
      sendJson(response, 200, await status());
      return;
    case '/metrics':
      await sendMetrics(response, prometheus);
      return;
    case '/__version__':
      sendJson(response, 200, version);
      return;
    default:
      sendJson(response, 404, {
        error: 'Not Found',
        paths: ['/health', '/status', '/metrics', '/__version__'],
      });
  }
}

/** Never rejects. */
async function sendMetrics(
  response: ServerResponse,
  prometheus: AdminDeps['prometheus'],
): Promise<void> {
  try {
    const page = await prometheus.render();
    response.writeHead(200, { 'Content-Type': prometheus.contentType }).end(page);
  } catch {
    // One metric that cannot be read must not look like a page without it.
    sendJson(response, 500, { error: 'the metrics cannot be read' });
  }
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const text = `${JSON.stringify(value)}\n`;
  response
    .writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
    })
    .end(text);
}
