#!/usr/bin/env node
/** The command line: one line per command. The only place that touches the process. */
import { Command, CommanderError } from 'commander';
import type { ParentChannel, ProcessIo } from './commands/command-io.ts';
import { keepNurserySmall } from './commands/heap-tuning.ts';
import { VERSION } from './commands/status-report.ts';

/** Of a config that comes through stdin: more than any that is written by hand. */
const STDIN_BYTES_MAX = 1_048_576;

const io: ProcessIo = {
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
  env: process.env,
  isTerminal: process.stderr.isTTY === true,
  setExitCode: (code) => {
    process.exitCode = code;
  },
  exit: (code) => process.exit(code),
  onStopSignal: (onSignal) => {
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  },
  readStdin,
  parent: parentChannel(),
};

/** Each is loaded when it is wanted: the supervisor of `start` and its roles are small because they carry nobody else's packages. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => {
    // Before anything is loaded: a process that only waits needs no nursery for the garbage of loading, which is 7 MB.
    keepNurserySmall();
    return (await import('./commands/start.ts')).startCommand(io);
  },
  push: async () => (await import('./commands/role-commands.ts')).pushCommand(io),
  kick: async () => (await import('./commands/role-commands.ts')).kickCommand(io),
  'mail-gate': async () => (await import('./commands/role-commands.ts')).mailGateCommand(io),
  mailwatch: async () => (await import('./commands/role-commands.ts')).mailwatchCommand(io),
  'check-config': async () => (await import('./commands/check-config.ts')).checkConfigCommand(io),
  keys: async () => (await import('./commands/keys.ts')).keysCommand(io),
  device: async () => (await import('./commands/device.ts')).deviceCommand(io),
  put: async () => (await import('./commands/put.ts')).putCommand(io),
  mail: async () => (await import('./commands/mail.ts')).mailCommand(io),
  watches: async () => (await import('./commands/watches.ts')).watchesCommand(io),
  queue: async () => (await import('./commands/queue.ts')).queueCommand(io),
};

// What the AWS SDK thinks of the version of Node.js would stand between the log lines.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const program = new Command('reveille')
  .description(
    'A push server: devices hold a WebSocket, app servers PUT a version, nothing accepted is lost.',
  )
  .version(VERSION.version)
  .exitOverride();
const [, , name = ''] = process.argv;
const wanted = Object.hasOwn(COMMANDS, name) ? [COMMANDS[name]] : Object.values(COMMANDS);
// All of them for the list that --help and a misspelt name are answered with.
for (const load of wanted) if (load !== undefined) program.addCommand(await load());

try {
  await program.parseAsync();
} catch (error) {
  // What commander had to say it has said.
  if (!(error instanceof CommanderError)) throw error;
  if (error.exitCode !== 0) process.exitCode = 2;
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > STDIN_BYTES_MAX) throw new Error(`stdin has more than ${STDIN_BYTES_MAX} bytes`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parentChannel(): ParentChannel | undefined {
  if (process.send === undefined) return undefined;
  return {
    send(message) {
      process.send?.(message, undefined, {}, () => {});
    },
    onMessage(onMessage) {
      process.on('message', onMessage);
    },
    onGone(onGone) {
      process.once('disconnect', onGone);
      if (!process.connected) onGone();
    },
  };
}
