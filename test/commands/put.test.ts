import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { putCommand } from '../../src/commands/put.ts';
import { run } from './recorded-io.ts';

describe('the put command', () => {
  let server: Server;
  let endpoint: string;
  let body: string;
  let answer: {
    readonly status: number;
    readonly body: string;
    readonly headers?: Readonly<Record<string, string>>;
  };

  beforeEach(async () => {
    server = createServer(async (request, response) => {
      body = await text(request);
      response.writeHead(answer.status, answer.headers).end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    endpoint = `http://127.0.0.1:${port}/update/token`;
    answer = { status: 200, body: '{}' };
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const sent = [
    { args: [], body: '' },
    { args: ['17'], body: 'version=17' },
    { args: ['17', '--data', 'two letters'], body: 'version=17&data=two+letters' },
    { args: ['--data', 'x'], body: 'data=x' },
  ];
  for (const { args, body: expected } of sent) {
    it(`sends ${expected || 'an empty body'} for ${args.join(' ') || 'no version'}`, async () => {
      await run(putCommand, [endpoint, ...args]);
      expect(body).to.equal(expected);
    });
  }

  const accepted = [
    {
      status: 200,
      line: '200 delivered: the device is connected and was sent the version\n',
    },
    { status: 202, line: '202 stored: the device will get the version when it connects\n' },
  ];
  for (const { status, line } of accepted) {
    it(`says what ${status} means, and exits with 0`, async () => {
      answer = { status, body: '{}' };
      expect(await run(putCommand, [endpoint, '1'])).to.deep.equal({
        stdout: line,
        stderr: '',
        exitCode: 0,
      });
    });
  }

  const failed = [
    {
      given: { status: 410, body: '"Gone"' },
      line: '410 gone: the channel was unregistered; this endpoint can be forgotten\n',
    },
    {
      given: { status: 404, body: '"Invalid Token"' },
      line: '404 not found: this server knows no such endpoint\n',
    },
    {
      given: { status: 400, body: '"Invalid Version"' },
      line: '400 refused: "Invalid Version"\n',
    },
    { given: { status: 413, body: '' }, line: '413 refused\n' },
    { given: { status: 418, body: '\u001b[2J' }, line: '418 refused: \\u001b[2J\n' },
    {
      given: { status: 503, body: '', headers: { 'Retry-After': '30' } },
      line: '503 not accepted: try again in 30 s\n',
    },
    { given: { status: 500, body: '' }, line: '500 not accepted: try again later\n' },
  ];
  for (const { given, line } of failed) {
    it(`says ${JSON.stringify(line)}, and exits with 1`, async () => {
      answer = given;
      expect(await run(putCommand, [endpoint, '1'])).to.deep.equal({
        stdout: '',
        stderr: line,
        exitCode: 1,
      });
    });
  }

  it('says why there was no answer, and exits with 1', async () => {
    await new Promise((resolve) => server.close(resolve));
    const { stderr, exitCode } = await run(putCommand, [endpoint, '1']);
    expect(stderr).to.match(/^no answer: connect ECONNREFUSED/);
    expect(exitCode).to.equal(1);
  });

  const refused = [
    { args: [], error: /missing required argument 'endpoint'/ },
    { args: ['push.test'], error: /It must be an http or https URL/ },
    { args: ['ftp://push.test/'], error: /It must be an http or https URL/ },
    { args: ['http://push.test/', 'new'], error: /It must be an integer from 0 to 2\^53-1/ },
    { args: ['http://push.test/', '1', '2'], error: /too many arguments/ },
    { args: ['http://push.test/', '--date', 'x'], error: /unknown option/ },
  ];
  for (const { args, error } of refused) {
    it(`refuses ${args.join(' ') || 'no arguments'}, and exits with 2`, async () => {
      const { stdout, stderr, exitCode } = await run(putCommand, args);
      expect({ stdout, exitCode }).to.deep.equal({ stdout: '', exitCode: 2 });
      expect(stderr).to.match(error);
    });
  }

  it('explains itself, with examples', async () => {
    const { stdout, exitCode } = await run(putCommand, ['--help']);
    expect(exitCode).to.equal(0);
    for (const part of ['<endpoint>', '[version]', '--data', 'Examples:', 'Exit codes:']) {
      expect(stdout).to.include(part);
    }
  });
});
