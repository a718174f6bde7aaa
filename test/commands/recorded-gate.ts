import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { newSealingKey, sealingKeyId } from '../../src/protocol/envelope.ts';

/** A mail gate that has a key, and answers all else as the test says. */
export interface RecordedGate extends AsyncDisposable {
  readonly url: string;
  /** Of every request since `forget`. */
  readonly bodies: readonly string[];
  answer: { readonly status: number; readonly body: object };
  /** As if it had just begun. */
  forget(): void;
}

const NOTHING = { status: 200, body: {} };

/** Listens on a free port; every answer asks to come again in nine seconds. */
export async function openRecordedGate(): Promise<RecordedGate> {
  const { publicKey } = await newSealingKey();
  const key = { keyId: await sealingKeyId(publicKey), publicKey };
  const bodies: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    bodies.push(body);
    const isKey = request.url === '/mail/v1/key';
    response.writeHead(isKey ? 200 : gate.answer.status, { 'Retry-After': '9' });
    response.end(JSON.stringify(isKey ? key : gate.answer.body));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const gate: RecordedGate = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    bodies,
    answer: NOTHING,
    forget() {
      bodies.length = 0;
      gate.answer = NOTHING;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
  return gate;
}
