#!/usr/bin/env node
/** The command line: one line per command. The only place that touches the process. */
import { Command, CommanderError } from 'commander';
import { checkConfigCommand } from './commands/check-config.ts';
import { deviceCommand } from './commands/device.ts';
import { keysCommand } from './commands/keys.ts';
import { putCommand } from './commands/put.ts';
import { type StartIo, startCommand } from './commands/start.ts';
import { VERSION } from './commands/status-report.ts';

const io: StartIo = {
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
};

const program = new Command('reveille')
  .description(
    'A push server: devices hold a WebSocket, app servers PUT a version, nothing accepted is lost.',
  )
  .version(VERSION.version)
  .exitOverride()
  .addCommand(startCommand(io), { isDefault: false })
  .addCommand(checkConfigCommand(io))
  .addCommand(keysCommand(io))
  .addCommand(deviceCommand(io))
  .addCommand(putCommand(io));

try {
  await program.parseAsync();
} catch (error) {
  // What commander had to say it has said.
  if (!(error instanceof CommanderError)) throw error;
  if (error.exitCode !== 0) process.exitCode = 2;
}
