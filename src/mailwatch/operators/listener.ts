/**
 * Where operators ask: HTTP on a socket file of mode 0600. Whoever may open the file is the user of the mail watch, so there is no token that
 * could leak, and nothing on any network; `curl --unix-socket` speaks it.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { Log } from '../../log.ts';
import { listenOnFile } from '../socket-file.ts';
import type { AnswerOperator, OperatorsAnswer } from './routes.ts';

export interface OperatorsListenerDeps {
  readonly answer: AnswerOperator;
  readonly log: Log;
}

/** The listener while it is open. */
export interface OperatorsListener {
  close(): Promise<void>;
}

const HEADER_BYTES_MAX = 8192;
const REQUEST_TIMEOUT_MS = 5000;
const CONNECTIONS_MAX = 16;
const QUESTION = 'GET /v1/status HTTP/1.1\r\nHost: operators\r\nConnection: close\r\n\r\n';

/** @throws Error when a backend that lives listens on the file */
export async function listenForOperators(
  path: string,
  { answer, log }: OperatorsListenerDeps,
): Promise<OperatorsListener> {
  const bounds = {
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: REQUEST_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
  };
  const server = createServer(bounds, (request, response) => {
    // Nothing is asked in a body.
    request.resume();
    answer(request.method ?? '', request.url ?? '').then(
      (answered) => send(response, answered),
      (err: unknown) => {
        log.error({ err }, 'mail.operators.failed');
        send(response, { status: 500, body: { error: 'the mail watch has failed' } });
      },
    );
  });
  server.maxConnections = CONNECTIONS_MAX;
  await listenOnFile(server, { path, question: QUESTION, answerMsMax: REQUEST_TIMEOUT_MS });
  return {
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function send(response: ServerResponse, { status, headers, body }: OperatorsAnswer): void {
  const text = `${JSON.stringify(body)}\n`;
  response
    .writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
      ...headers,
    })
    .end(text);
}
