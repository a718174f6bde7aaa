import { type Command, InvalidArgumentError } from 'commander';
import type { Update } from '../client/codec.ts';
import { createDevice, type Device } from '../client/device.ts';
import type { DeviceEvent } from '../client/events.ts';
import { CHANNELS_MAX, type DeviceMemory, EMPTY_MEMORY } from '../client/memory.ts';
import { openNodeSocket } from '../client/node-socket.ts';
import { RequestError } from '../client/request.ts';
import { type Clock, systemClock } from '../clock.ts';
import { type ChannelId, newChannelId } from '../protocol/ids.ts';
import { type CommandIo, createCommand } from './command-io.ts';
import { channelInWords, eventInWords, updateInWords } from './device-words.ts';
import { MemoryFileError, readMemoryFile, writeMemoryFile } from './memory-file.ts';
import { printable } from './printable.ts';

const EXIT_CODE_FAILED = 1;

const EXAMPLES = `
Examples:
  Register one channel and wait for versions; the printed curl line sends one:
    $ reveille device --server ws://127.0.0.1:8080

  Stay the same device from run to run, with three channels:
    $ reveille device --server wss://push.example.com --state device.json --channels 3

  In a script: wait for one version, print it and end:
    $ reveille device --server ws://127.0.0.1:8080 --state device.json --once

Each version is a line on stdout: time, channel, version and, if there is any, data as a JSON string. What happens to the
connection goes to stderr. Ctrl-C ends with exit code 0; 1 when the device cannot go on, 2 for a bad command line.
`;

/** What `device` touches of its process beside its output. */
export interface DeviceIo extends CommandIo {
  /** Calls `onSignal` at each SIGTERM and SIGINT. */
  onStopSignal(onSignal: () => void): void;
}

interface Options {
  readonly server: string;
  readonly state?: string;
  readonly channels: number;
  readonly once?: true;
}

/** `device --server URL [--state FILE] [--channels N] [--once]`: a device in the terminal. */
export function deviceCommand(io: DeviceIo, clock: Pick<Clock, 'nowMs'> = systemClock): Command {
  return createCommand('device', io)
    .description('be a device: register channels and print each version that comes')
    .requiredOption('--server <url>', 'the ws or wss URL of the push server', parseServer)
    .option('--state <file>', 'remember device and channels in this file (it holds secrets)')
    .option('--channels <number>', `how many channels, 1 to ${CHANNELS_MAX}`, parseChannels, 1)
    .option('--once', 'end after the first version, and those that came with it')
    .addHelpText('after', EXAMPLES)
    .action(async (options: Options) => {
      try {
        const memory = options.state === undefined ? EMPTY_MEMORY : readMemoryFile(options.state);
        await new DeviceRun({ options, io, clock, memory }).run();
      } catch (error) {
        if (!(error instanceof MemoryFileError)) throw error;
        io.stderr(`${fileErrorInWords(error)}\n`);
        io.setExitCode(EXIT_CODE_FAILED);
      }
    });
}

interface DeviceRunDeps {
  readonly options: Options;
  readonly io: DeviceIo;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly memory: DeviceMemory;
}

/** One run of the command, from the first attempt to connect to the end of the device. */
class DeviceRun {
  readonly #options: Options;
  readonly #io: DeviceIo;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #rememberedCount: number;
  readonly #device: Device;
  #onEnd: () => void = () => undefined;

  constructor({ options, io, clock, memory }: DeviceRunDeps) {
    this.#options = options;
    this.#io = io;
    this.#clock = clock;
    this.#rememberedCount = memory.channels.length;
    this.#device = createDevice({
      server: options.server,
      memory,
      openSocket: openNodeSocket,
      // Whoever tries the server out by hand sends the same version twice sooner or later, and wants to see it.
      everyUpdate: true,
      onUpdate: (update) => this.#onUpdate(update),
      onEvent: (event) => this.#onEvent(event),
    });
  }

  /** Resolves when the device has ended. */
  async run(): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      this.#onEnd = resolve;
    });
    this.#io.onStopSignal(() => this.#device.close());
    for (const channel of this.#device.channels) this.#io.stdout(channelInWords(channel));
    this.#device.connect();
    for (let count = this.#rememberedCount; count < this.#options.channels; count++) {
      void this.#register(newChannelId());
    }
    await ended;
  }

  /** An unreachable server is waited for. Rejects only when the device's library breaks its promise. */
  async #register(channelId: ChannelId): Promise<void> {
    try {
      await this.#device.register(channelId);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      switch (error.failure.kind) {
        case 'late':
          return this.#register(channelId);
        case 'closed':
          return;
        default:
          this.#fail(`cannot register a channel: ${error.message}`);
      }
    }
  }

  #onUpdate(update: Update): void {
    this.#io.stdout(updateInWords(update, this.#clock.nowMs()));
    // After this listener has returned: the version is acknowledged then, and goes out before the close.
    if (this.#options.once) setImmediate(() => this.#device.close());
  }

  #onEvent(event: DeviceEvent): void {
    const words = eventInWords(event);
    if (words !== undefined) this.#io.stderr(`${words}\n`);
    if (event.type === 'registered') this.#io.stdout(channelInWords(event));
    if (event.type === 'memory') this.#save();
    if (event.type === 'state' && event.state.kind === 'closed') {
      if (event.state.why !== 'asked-to') this.#io.setExitCode(EXIT_CODE_FAILED);
      this.#onEnd();
    }
  }

  #save(): void {
    if (this.#options.state === undefined) return;
    try {
      writeMemoryFile(this.#options.state, this.#device.memory);
    } catch (error) {
      if (!(error instanceof MemoryFileError)) throw error;
      this.#fail(fileErrorInWords(error));
    }
  }

  #fail(message: string): void {
    this.#io.stderr(`${printable(message)}\n`);
    this.#io.setExitCode(EXIT_CODE_FAILED);
    this.#device.close();
  }
}

function fileErrorInWords({ message, cause }: MemoryFileError): string {
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}

function parseServer(text: string): string {
  const protocol = URL.canParse(text) ? new URL(text).protocol : '';
  if (protocol === 'ws:' || protocol === 'wss:') return text;
  throw new InvalidArgumentError('It must be a ws or wss URL.');
}

function parseChannels(text: string): number {
  const count = /^[0-9]+$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= CHANNELS_MAX) return count;
  throw new InvalidArgumentError(`It must be an integer from 1 to ${CHANNELS_MAX}.`);
}
