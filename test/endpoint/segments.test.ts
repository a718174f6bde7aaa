/** Requests that TCP delivers in two segments, cut at each byte: what the parsers make of them. */
import { expect } from 'chai';
import { nextAnswer, putBytes } from '../support/raw-http.ts';
import { openTestServer } from '../support/server.ts';
import { subscribe } from '../support/subscription.ts';
import { openTcpClient } from '../support/tcp-client.ts';

/** One way to cut the bytes, and the statuses that came back. */
interface Outcome {
  readonly cut: number;
  readonly statuses: readonly number[];
}

const SERVED = 200;
const BAD_REQUEST_LINE = 505;

describe('requests in two segments', () => {
  for (const requestCount of [1, 2]) {
    const title = requestCount === 1 ? 'one request' : `${requestCount} pipelined requests`;
    const allServed = new Array<number>(requestCount).fill(SERVED);

    it(`are served by node at every cut of ${title}`, async () => {
      const { outcomes } = await outcomesOn('node', requestCount);
      for (const { cut, statuses } of outcomes) {
        expect(statuses, `cut at ${cut}`).to.deep.equal(allServed);
      }
    });

    // Known of the packaged build (docs/decisions/transports.md): why a proxy that normalises requests belongs before it.
    it(`are refused by uws at some cuts of a request line, and nowhere else, of ${title}`, async () => {
      const { outcomes, bytes } = await outcomesOn('uws', requestCount);
      const badCuts = badCutsOf(bytes);
      for (const { cut, statuses } of outcomes) {
        const expected = badCuts.has(cut) ? [BAD_REQUEST_LINE] : allServed;
        expect(statuses, `cut at ${cut}`).to.deep.equal(expected);
      }
    });
  }
});

/** After the method, and between the path and the end of the line. */
function badCutsOf(bytes: string): ReadonlySet<number> {
  const cuts = new Set<number>();
  for (const { index, 0: line } of bytes.matchAll(/PUT \S+ HTTP\/1\.1\r\n/g)) {
    const end = index + line.length;
    cuts.add(index + 'PUT '.length);
    for (let cut = end - 'HTTP/1.1\r\n'.length; cut < end; cut++) cuts.add(cut);
  }
  return cuts;
}

/** The outcome for each cut of as many PUTs, written at once. */
async function outcomesOn(transport: 'node' | 'uws', requestCount: number) {
  await using server = await openTestServer({ settings: { 'endpoint.transport': transport } });
  const { endpoint } = await subscribe(server);
  const bytes = putBytes(endpoint).repeat(requestCount);
  const witness = await openTcpClient(endpoint);
  const outcomes: Outcome[] = [];
  for (let cut = 1; cut < bytes.length; cut++) {
    const client = await openTcpClient(endpoint);
    client.write(bytes.slice(0, cut));
    // Answered after the server has read what came before: so the two parts are read apart.
    witness.write(putBytes(endpoint, { method: 'OPTIONS', body: '' }));
    await nextAnswer(witness);
    client.write(bytes.slice(cut));
    const statuses: number[] = [];
    while (statuses.length < requestCount && !statuses.includes(BAD_REQUEST_LINE)) {
      statuses.push((await nextAnswer(client)).status);
    }
    outcomes.push({ cut, statuses });
    client.destroy();
  }
  return { bytes, outcomes };
}
