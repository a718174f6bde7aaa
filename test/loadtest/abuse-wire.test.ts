/** The small client by which smoke and abuse see servers: what it reads, and the load it keeps to. */
import { expect } from 'chai';
import { frameBytes, readFrame } from '../../loadtest/wire/frames.ts';
import { NO_ANSWER_STATUS, readAnswer } from '../../loadtest/wire/http.ts';
import { Load, LoadSpentError } from '../../loadtest/wire/load.ts';
import { endpointOf, isLoopback, targetOf } from '../../loadtest/wire/target.ts';

const PLENTY = { socketsMax: 100, sendsPerSecondMax: 1_000_000, bytesMax: 1_000_000 };

describe('the load of a run', () => {
  it('lets as many sockets open as it may have, and one more when one is closed', async () => {
    const load = new Load({ ...PLENTY, socketsMax: 2 });
    await load.takeSocket();
    await load.takeSocket();
    let isThirdOpen = false;
    const third = load.takeSocket().then(() => {
      isThirdOpen = true;
    });
    await new Promise(setImmediate);
    expect(isThirdOpen).to.equal(false);
    load.returnSocket();
    await third;
    expect(load.used.sockets).to.equal(2);
  });

  it('takes the last byte that may be sent, and refuses one more', async () => {
    const load = new Load({ ...PLENTY, bytesMax: 10 });
    await load.takeSends(1, 10);
    const refusal = await load.takeSends(1, 1).catch((error: unknown) => error);
    expect(refusal).to.be.instanceOf(LoadSpentError);
    expect(load.used).to.include({ sends: 1, bytes: 10 });
  });

  it('spreads what is sent over the time that it takes', async () => {
    const load = new Load({ ...PLENTY, sendsPerSecondMax: 1_000 });
    const begunMs = performance.now();
    for (let sent = 0; sent < 300; sent += 10) await load.takeSends(10, 0);
    // 300 ms of the allowed rate, of which 50 may go out at once.
    expect(performance.now() - begunMs).to.be.at.least(240);
  });
});

describe('the reader of HTTP answers', () => {
  const answers: readonly {
    title: string;
    text: string;
    status?: number;
    body?: string;
    rest?: number;
  }[] = [
    {
      title: 'a length',
      text: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}more',
      status: 200,
      body: '{}',
      rest: 4,
    },
    {
      title: 'chunks',
      text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n',
      status: 200,
      body: '{}',
      rest: 0,
    },
    {
      title: 'no length',
      text: 'HTTP/1.0 404 Not Found\r\n\r\ngone',
      status: 404,
      body: 'gone',
      rest: 0,
    },
    {
      title: 'a status before the last',
      text: 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1',
      status: 100,
      body: '',
      rest: 8,
    },
    {
      title: 'a length that is none',
      text: 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}',
      status: 200,
      body: '{}',
      rest: 0,
    },
    { title: 'what is no HTTP', text: '\u0015\u0003\u0001', status: NO_ANSWER_STATUS, rest: 0 },
    { title: 'half a head', text: 'HTTP/1.1 200 OK\r\nContent-' },
    { title: 'half a body', text: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}' },
    { title: 'half a chunk', text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{' },
  ];
  for (const { title, text, status, body, rest } of answers) {
    it(`${status === undefined ? 'waits after' : 'reads'} ${title}`, () => {
      const found = readAnswer()(Buffer.from(text, 'latin1'));
      expect(found?.value.status).to.equal(status);
      if (body !== undefined) expect(found?.value.body).to.equal(body);
      if (rest !== undefined) expect(text.length - (found?.byteCount ?? 0)).to.equal(rest);
    });
  }

  it('reads no body in the answer to a HEAD', () => {
    const text = 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n';
    expect(readAnswer({ isHead: true })(Buffer.from(text))?.byteCount).to.equal(text.length);
  });
});

describe('the reader of frames', () => {
  for (const length of [0, 125, 126, 65_535, 65_536]) {
    it(`reads a frame of ${length} bytes, and waits for its last`, () => {
      const bytes = frameBytes('x'.repeat(length), { isMasked: false });
      expect(readFrame(bytes)?.value.payload).to.have.lengthOf(length);
      expect(readFrame(bytes)?.byteCount).to.equal(bytes.length);
      expect(readFrame(bytes.subarray(0, -1))).to.equal(undefined);
    });
  }

  it('finds a mask and reserved bits, which no server may send', () => {
    // Read without regard to its mask, the frame ends four bytes early.
    expect(readFrame(frameBytes('x'))?.value.isLegal).to.equal(false);
    const reserved = frameBytes('x', { isMasked: false, reserved: 4 });
    expect(readFrame(reserved)?.value.isLegal).to.equal(false);
  });
});

describe('the target of a suite', () => {
  for (const { url, isHere } of [
    { url: 'ws://127.0.0.1:1/', isHere: true },
    { url: 'ws://127.8.9.10/', isHere: true },
    { url: 'ws://localhost/', isHere: true },
    { url: 'wss://[::1]:1/', isHere: true },
    { url: 'ws://127.0.0.1.example/', isHere: false },
    { url: 'ws://localhost.example/', isHere: false },
    { url: 'ws://10.0.0.1/', isHere: false },
    { url: 'ws://[2001:db8::1]/', isHere: false },
  ]) {
    it(`takes ${url} for ${isHere ? 'this' : 'another'} machine`, () => {
      expect(isLoopback(new URL(url))).to.equal(isHere);
    });
  }

  const flags = { subprotocol: '', timeout: 1 };
  const url = new URL('ws://127.0.0.1/');

  it('takes an endpoint as it is announced, and nothing that is none', () => {
    const target = targetOf(url, flags);
    expect(endpointOf(target, 'https://a.example/update/x?y')?.href).to.equal(
      'https://a.example/update/x?y',
    );
    expect(endpointOf(target, 'undefined')).to.equal(undefined);
    expect(endpointOf(target, 'ftp://a.example/')).to.equal(undefined);
  });

  it('puts another scheme, host and port before the path when it is told to', () => {
    const target = targetOf(url, { ...flags, endpointBase: new URL('http://127.0.0.1:81/') });
    expect(endpointOf(target, 'https://a.example/update/x?y')?.href).to.equal(
      'http://127.0.0.1:81/update/x?y',
    );
  });
});
