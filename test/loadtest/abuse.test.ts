import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { type Case, isAcceptable } from '../../loadtest/abuse/case.ts';
import { abuseCommand } from '../../loadtest/abuse/command.ts';
import { chosenOf, groupsOf } from '../../loadtest/abuse/groups.ts';
import { startServer } from '../../loadtest/processes.ts';
import { type OddFault, openOddServer } from '../support/odd-server.ts';
import { openTestServer } from '../support/server.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { recordCommand } from './recorded-command.ts';

const BUILD = fileURLToPath(new URL('../../', import.meta.url));
const isLong = process.env['REVEILLE_TEST_LONG'] === '1';
/** Far more than any answer takes on a busy machine, and no pauses that only spare other people's servers. */
const PATIENT = ['--timeout', '20000', '--bound', '20000', '--rate', '100000', '--seed', '1'];
const HASTY = ['--timeout', '1000', '--bound', '1000', '--seed', '1'];

const CASES_MIN = 300;
const ALL = groupsOf({ seed: 1, isLong: true, isProxied: false });

const abuse = (...args: readonly string[]) => recordCommand(abuseCommand, args);

/** The cases that failed, as `group/case`. */
function failedIn(out: string): readonly string[] {
  return [...out.matchAll(/^✖ (\S+\/\S+)$/gm)].map(([, name = '']) => name).sort();
}

describe('abuse', function () {
  // The long form waits for the server's own timeouts.
  this.timeout(isLong ? 600_000 : 60_000);

  for (const { socket, endpoint, more } of [
    { socket: 'uws', endpoint: 'node', more: [] },
    { socket: 'ws', endpoint: 'uws', more: ['--behind-proxy'] },
  ] as const) {
    it(`finds nothing in our server, devices on ${socket} and app servers on ${endpoint}`, async () => {
      await using server = await openTestServer({
        settings: {
          'socket.transport': socket,
          'endpoint.transport': endpoint,
          'socket.ping_interval_min_ms': 20_000,
        },
      });
      const long = isLong ? ['--long'] : [];
      const args = [server.urls.ws, '--strict', '--quiet', ...more, ...long, ...PATIENT];
      const { out, err } = await abuse(...args);
      expect(err).to.equal('');
      expect(failedIn(out)).to.deep.equal([]);
      expect(out).to.match(/others served after (\d+) of \1 groups\n$/);
    });
  }

  const found: readonly { fault: OddFault; only: string; words: RegExp }[] = [
    { fault: 'takes-any-token', only: 'tokens/token-zeros', words: /came +200, got nothing/ },
    { fault: 'takes-any-version', only: 'versions/refuses--1', words: /came +200, got 1\n/ },
    { fault: 'echoes', only: 'json/array', words: /there is nothing to begin with/ },
    { fault: 'hangs', only: 'json/array', words: /the hello reply did not come within 1000 ms/ },
    { fault: 'starves-others', only: 'json/word', words: /OTHERS ARE NOT SERVED/ },
    {
      fault: 'crashes-on-big-frames',
      only: 'frames/ping-of-70000,hello/uaid-64000-characters',
      words: /stopped: the server is gone after the group/,
    },
  ];
  for (const { fault, only, words } of found) {
    it(`fails a server that ${fault.replaceAll('-', ' ')}, and says why`, async () => {
      await using server = await openOddServer(fault);
      const { code, out, err } = await abuse(server.url, '--strict', '--only', only, ...HASTY);
      expect(out + err).to.match(words);
      expect(code).to.equal(1);
    });
  }

  it('accepts of any server what it does not accept of ours', async () => {
    await using server = await openOddServer('takes-any-version');
    const args = [server.url, '--only', 'versions/refuses--1', ...PATIENT];
    expect((await abuse(...args)).code).to.equal(0);
    expect((await abuse(...args, '--strict')).code).to.equal(1);
  });

  it('comes to an end with the floor, which bears nothing', async () => {
    const server = await startServer({
      file: process.execPath,
      args: [`${BUILD}loadtest/floor.js`],
    });
    try {
      const { code, out } = await abuse(server.wsUrl, '--quiet', '--only', 'json', ...HASTY);
      expect(out).to.include('stopped: the server is gone after the group json');
      expect(code).to.equal(1);
    } finally {
      await server.stop();
    }
  });

  it('keeps to the load that it states', async () => {
    await using server = await openTestServer();
    const load = ['--sockets', '8', '--only', 'half-open,tokens'];
    const { out, code } = await abuse(server.urls.ws, '--quiet', ...PATIENT, ...load);
    expect(code).to.equal(0);
    expect(out).to.include('load: at most 8 sockets at once');
    expect(Number(/used: (\d+) sockets/.exec(out)?.[1])).to.be.within(1, 8);
  });

  it('stops when it has sent all that it may', async () => {
    await using server = await openTestServer();
    const args = ['--only', 'floods', '--bytes', '20000', ...PATIENT];
    const { out, code } = await abuse(server.urls.ws, ...args);
    expect(out).to.include('stopped: the run has sent the 20000 bytes that it may send');
    expect(code).to.equal(1);
  });

  it('says of each case what was sent, what came and what is acceptable, also as JSON', async () => {
    await using folder = await makeTemporaryFolder();
    await using server = await openTestServer();
    const path = `${folder.path}/abuse.json`;
    const args = ['--strict', '--only', 'json/array', '--json', path, ...PATIENT];
    const { out } = await abuse(server.urls.ws, ...args);
    expect(out).to.match(/✔ json\/array +"\[\]" {2}→ {2}closed 1003 {2}\(of: closed 1003\)/);
    const { groups, seed } = JSON.parse(await readFile(path, 'utf8'));
    expect(seed).to.equal(1);
    expect(groups[0].cases[0]).to.include({
      group: 'json',
      came: 'closed 1003',
      verdict: 'passed',
    });
    expect(groups[0].served.kind).to.equal('served');
  });

  it('lists every case without sending anything', async () => {
    const { code, out } = await abuse('--list', '--long');
    expect(code).to.equal(0);
    expect(out.match(/^ {2}\S+\/\S+: /gm)).to.have.lengthOf(casesOf().length);
  });

  it('explains itself, as a program', () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [`${BUILD}loadtest/abuse.js`, '--help'],
      {
        encoding: 'utf8',
      },
    );
    expect(status).to.equal(0);
    for (const flag of ['--only', '--list', '--strict', '--seed', '--json', '--allow-remote']) {
      expect(stdout).to.include(flag);
    }
  });

  const url = 'ws://127.0.0.1:9/';
  for (const { args, reason } of [
    { args: [], reason: /missing argument/ },
    { args: ['http://127.0.0.1/'], reason: /Not a ws/ },
    { args: [url, '--only', 'nobody'], reason: /no such group or case/ },
    { args: [url, '--only', 'json/nobody'], reason: /no such group or case/ },
    { args: [url, '--seed', 'x'], reason: /Not a whole number/ },
    { args: [url, '--sockets', '7'], reason: /Not less than 8/ },
    { args: [url, '--rate', '0'], reason: /Not a whole number above 0/ },
    { args: [url, '--fast'], reason: /unknown option/ },
    { args: ['ws://192.0.2.1/'], reason: /192\.0\.2\.1 is not this machine: --allow-remote/ },
    { args: ['ws://push.example/'], reason: /not this machine/ },
    { args: ['ws://127.0.0.1.example/'], reason: /not this machine/ },
  ]) {
    it(`refuses ${args.join(' ') || 'no argument'} with exit code 2`, async () => {
      const { code, err } = await abuse(...args);
      expect(err).to.match(reason);
      expect(code).to.equal(2);
    });
  }

  it('refuses a server whose endpoints are on another machine, unless told where they are', async () => {
    await using server = await openOddServer('announces-elsewhere');
    const only = ['--only', 'tokens/token-zeros', ...PATIENT];
    const refused = await abuse(server.url, ...only);
    expect(refused.err).to.include('192.0.2.1 is not this machine');
    expect(refused.code).to.equal(2);
    const told = await abuse(server.url, '--endpoint-base', server.endpointBase, ...only);
    expect(told.code).to.equal(0);
  });
});

describe('abuse cases', () => {
  it(`are at least ${CASES_MIN}, each with a name of its own, answers and a reason`, () => {
    const names = ALL.flatMap((group) => group.cases.map(({ name }) => `${group.name}/${name}`));
    expect(names.length).to.be.at.least(CASES_MIN);
    expect(new Set(names).size).to.equal(names.length);
    for (const { why, accept, strict } of casesOf()) {
      expect(why).not.to.equal('');
      expect([...accept, ...(strict ?? [])]).not.to.deep.equal([]);
    }
  });

  it('are made up alike for the same seed, and otherwise for another', () => {
    expect(madeUp(7)).to.deep.equal(madeUp(7));
    expect(madeUp(7)).not.to.deep.equal(madeUp(8));
  });

  it('can be chosen by group and by name', () => {
    const chosen = chosenOf(ALL, ['tokens/token-zeros', 'order']) ?? [];
    expect(chosen.map(({ name }) => name)).to.deep.equal(['order', 'tokens']);
    expect(chosen.at(-1)?.cases.map(({ name }) => name)).to.deep.equal(['token-zeros']);
    expect(chosenOf(ALL, ['order', 'nobody'])).to.equal(undefined);
  });

  for (const { came, pattern, isTaken } of [
    { came: 'closed 1003', pattern: 'closed 1003', isTaken: true },
    { came: 'closed 1003', pattern: 'closed 100', isTaken: false },
    { came: 'error 401, closed 1008', pattern: '*closed *', isTaken: true },
    { came: '404, got nothing', pattern: '4??, got nothing', isTaken: true },
    { came: '404, got 666', pattern: '4??, got nothing', isTaken: false },
    { came: '200, got 7 "(a.b)"', pattern: '200, got 7 "(a.b)"', isTaken: true },
    { came: '200, got 7 "(axb)"', pattern: '200, got 7 "(a.b)"', isTaken: false },
    { came: 'failure: it ended', pattern: '*ended', isTaken: false },
  ]) {
    it(`${isTaken ? 'take' : 'do not take'} ${came} for ${pattern}`, () => {
      expect(isAcceptable(came, [pattern])).to.equal(isTaken);
    });
  }
});

function casesOf(): readonly Case[] {
  return ALL.flatMap(({ cases }) => cases);
}

/** What the seed makes up to be said on a WebSocket. */
function madeUp(seed: number): readonly string[] {
  const fuzz = groupsOf({ seed, isLong: false, isProxied: false }).find(
    ({ name }) => name === 'fuzz',
  );
  return (fuzz?.cases ?? []).flatMap((one) =>
    one.kind === 'talk' ? one.say({ uaid: '', channelID: '' }).map(({ shown }) => shown) : [],
  );
}
