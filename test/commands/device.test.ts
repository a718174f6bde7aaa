import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CHANNELS_MAX } from '../../src/client/memory.ts';
import { deviceCommand } from '../../src/commands/device.ts';
import { Arrivals } from '../support/arrivals.ts';
import {
  endpointOf,
  openScriptedServer,
  type ScriptedPeer,
  type ScriptedServer,
} from '../support/scripted-server.ts';
import { type Outcome, run } from './recorded-io.ts';

const DEVICE = '0123456789abcdef0123456789abcdef';
const NOW_MS = Date.parse('2026-01-01T12:00:00Z');

/** The command at work. */
interface Running {
  /** Resolves when the device has ended. */
  readonly outcome: Promise<Outcome>;
  nextOutput(text: string): Promise<string>;
  nextError(text: string): Promise<string>;
  /** As Ctrl-C does. */
  interrupt(): void;
}

function start(args: readonly string[]): Running {
  const output = new Arrivals<string>();
  const errors = new Arrivals<string>();
  let interrupt: () => void = () => undefined;
  const outcome = run((io) => {
    const deviceIo = {
      ...io,
      stdout: (text: string) => {
        io.stdout(text);
        output.push(text);
      },
      stderr: (text: string) => {
        io.stderr(text);
        errors.push(text);
      },
      onStopSignal: (onSignal: () => void) => {
        interrupt = onSignal;
      },
    };
    return deviceCommand(deviceIo, { nowMs: () => NOW_MS });
  }, args);
  return {
    outcome,
    nextOutput: (text) => output.next(text, (line) => line.includes(text)),
    nextError: (text) => errors.next(text, (line) => line.includes(text)),
    interrupt: () => interrupt(),
  };
}

describe('the device command', () => {
  let server: ScriptedServer;
  let folder: string;
  let statePath: string;

  beforeEach(async () => {
    server = await openScriptedServer();
    folder = mkdtempSync(join(tmpdir(), 'reveille-'));
    statePath = join(folder, 'device.json');
  });
  afterEach(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  /** Starts the command and lets it register a channel. */
  async function startWithChannel(args: readonly string[] = []) {
    const running = start(['--server', server.url, ...args]);
    const peer = await server.nextPeer();
    await peer.welcome(DEVICE);
    const { channelID = '' } = await peer.confirm();
    await running.nextOutput(channelID);
    return { running, peer, channelId: channelID };
  }

  async function end({ interrupt, outcome }: Running): Promise<Outcome> {
    interrupt();
    return await outcome;
  }

  it('prints its channel, and a line that sends it a version', async () => {
    const { running, channelId } = await startWithChannel();
    const { stdout } = await end(running);
    expect(stdout).to.equal(
      `channel ${channelId}\n  curl -X PUT -d "version=$(date +%s)" '${endpointOf(channelId)}'\n`,
    );
  });

  it('leaves no way out of the quotes in that line', async () => {
    const running = start(['--server', server.url]);
    const peer = await server.nextPeer();
    await peer.welcome(DEVICE);
    const register = await peer.next();
    peer.send({ ...register, status: 200, pushEndpoint: "http://push.test/';reboot'" });
    await running.nextOutput("'http://push.test/%27;reboot%27'\n");
    await end(running);
  });

  it('prints each version as it comes, also the same again', async () => {
    const { running, peer, channelId } = await startWithChannel();
    peer.notify(channelId, 7, 'two\n\u009bletters');
    peer.notify(channelId, 7);
    const time = '2026-01-01T12:00:00.000Z';
    await running.nextOutput(`${time} ${channelId} 7 "two\\n\\u009bletters"\n`);
    await running.nextOutput(`${time} ${channelId} 7\n`);
    await end(running);
  });

  it('closes with 1000 and exits with 0 when interrupted', async () => {
    const { running, peer } = await startWithChannel();
    expect(await end(running)).to.have.property('exitCode', 0);
    expect(await peer.nextClose()).to.have.property('code', 1000);
  });

  it('says in words what happens to the connection', async () => {
    const { running, peer } = await startWithChannel();
    peer.close(1001, 'bye\u001b');
    await running.nextError(`Connected to ${server.url}.`);
    await running.nextError(
      'Not connected: the connection was closed with 1001: bye\\u001b. Trying again in ',
    );
    await end(running);
  });

  it('says what the server has forgotten', async () => {
    const { running, peer, channelId } = await startWithChannel();
    peer.send({ messageType: 'notification', expired: [channelId] });
    await running.nextError('The server has forgotten 1 of the channels');
    await end(running);
  });

  it('registers as many channels as it is told to', async () => {
    const { running, peer, channelId } = await startWithChannel(['--channels', '3']);
    const others = [await peer.confirm(), await peer.confirm()].map(({ channelID }) => channelID);
    expect(new Set([channelId, ...others]).size).to.equal(3);
    await end(running);
  });

  it('ends after the first version with --once, and acknowledges it', async () => {
    const { running, peer, channelId } = await startWithChannel(['--once']);
    peer.notify(channelId, 7);
    expect(await running.outcome).to.have.property('exitCode', 0);
    expect(await peer.next()).to.have.property('messageType', 'ack');
  });

  it('exits with 1 when another connection takes over', async () => {
    const { running, peer } = await startWithChannel();
    peer.close(4000);
    const { stderr, exitCode } = await running.outcome;
    expect(stderr).to.include('Ended: another connection of this device has taken over.\n');
    expect(exitCode).to.equal(1);
  });

  it('exits with 1 when the server refuses a channel', async () => {
    const running = start(['--server', server.url]);
    const peer: ScriptedPeer = await server.nextPeer();
    await peer.welcome(DEVICE);
    peer.send({ ...(await peer.next()), status: 429, reason: 'too many channels' });
    const { stderr, exitCode } = await running.outcome;
    expect(stderr).to.include(
      'cannot register a channel: the server refused with 429: too many channels\n',
    );
    expect(exitCode).to.equal(1);
  });

  describe('with --state', () => {
    it('is the same device with the same channels the next time', async () => {
      const first = await startWithChannel(['--state', statePath]);
      await end(first.running);
      const running = start(['--server', server.url, '--state', statePath]);
      await running.nextOutput(`channel ${first.channelId}\n`);
      const peer = await server.nextPeer();
      expect(await peer.welcome(DEVICE)).to.deep.include({
        uaid: DEVICE,
        channelIDs: [first.channelId],
      });
      await end(running);
      expect(peer.takeUnread()).to.deep.equal([]);
    });

    it('registers what is missing to the channels it is told to have', async () => {
      const first = await startWithChannel(['--state', statePath]);
      await end(first.running);
      const { running } = await startWithChannel(['--state', statePath, '--channels', '2']);
      await end(running);
      const { channels } = JSON.parse(readFileSync(statePath, 'utf8'));
      expect(channels).to.have.length(2);
    });

    it('exits with 1 and leaves the file when it holds something else', async () => {
      writeFileSync(statePath, 'a letter');
      const { stderr, exitCode } = await run(
        (io) => deviceCommand({ ...io, onStopSignal: () => undefined }),
        ['--server', server.url, '--state', statePath],
      );
      expect({ stderr, exitCode }).to.deep.equal({
        stderr: `${statePath} holds no device's memory\n`,
        exitCode: 1,
      });
      expect(readFileSync(statePath, 'utf8')).to.equal('a letter');
    });

    it('exits with 1 when the file cannot be written', async () => {
      const running = start(['--server', server.url, '--state', join(folder, 'no', 'file')]);
      const peer = await server.nextPeer();
      await peer.welcome(DEVICE);
      const { stderr, exitCode } = await running.outcome;
      expect(stderr).to.match(/cannot write .*: ENOENT/);
      expect(exitCode).to.equal(1);
    });
  });

  const refused = [
    { args: [], error: /required option '--server <url>' not specified/ },
    { args: ['--server', 'http://push.test/'], error: /It must be a ws or wss URL/ },
    { args: ['--server', 'push.test'], error: /It must be a ws or wss URL/ },
    ...['0', 'x', '-1', '1.5', String(CHANNELS_MAX + 1)].map((count) => ({
      args: ['--server', 'ws://push.test/', '--channels', count],
      error: new RegExp(`It must be an integer from 1 to ${CHANNELS_MAX}`),
    })),
    { args: ['--server', 'ws://push.test/', 'more'], error: /too many arguments/ },
  ];
  for (const { args, error } of refused) {
    it(`refuses ${args.join(' ') || 'no arguments'}, and exits with 2`, async () => {
      const { stderr, exitCode } = await run(
        (io) => deviceCommand({ ...io, onStopSignal: () => undefined }),
        args,
      );
      expect(stderr).to.match(error);
      expect(exitCode).to.equal(2);
    });
  }

  it('explains itself, with examples', async () => {
    const { stdout, exitCode } = await start(['--help']).outcome;
    expect(exitCode).to.equal(0);
    for (const part of ['--server', '--state', '--channels', '--once', 'Examples:', 'Ctrl-C']) {
      expect(stdout).to.include(part);
    }
  });
});
