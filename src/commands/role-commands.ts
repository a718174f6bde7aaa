/** The commands that run one role by itself: for many machines, and for a service manager that keeps each process. */
import { type Command, Option } from 'commander';
import { createCommand, type ProcessIo } from './command-io.ts';
import { type RoleProgram, type RunRoleOptions, runRole } from './run-role.ts';

const PUSH: RoleProgram = {
  name: 'push',
  load: async () => (await import('./push-role.ts')).openPushRole,
};

const KICK: RoleProgram = {
  name: 'kick',
  load: async () => (await import('./kick-role.ts')).openKickRole,
};

const MAIL_GATE: RoleProgram = {
  name: 'mail-gate',
  load: async () => (await import('./mail-gate-role.ts')).openMailGateRole,
};

const MAILWATCH: RoleProgram = {
  name: 'mailwatch',
  load: async () => (await import('./mailwatch-role.ts')).openMailwatchRole,
};

/** `push [--config PATH|-]`: serves devices and app servers, in this process. */
export function pushCommand(io: ProcessIo): Command {
  const command = createCommand('push', io)
    .description('run the push role by itself: devices and app servers')
    .option('--config <path>', 'the config file, "-" for stdin; without it ./config.toml');
  return asRole(command, PUSH, io);
}

/** `kick [--config PATH|-]`: wakes devices, in this process. */
export function kickCommand(io: ProcessIo): Command {
  const command = createCommand('kick', io)
    .description('run the kick role by itself: wakes devices that are not connected')
    .option('--config <path>', 'the config file, "-" for stdin; without it ./config.toml');
  return asRole(command, KICK, io);
}

/** `mail-gate [--config PATH|-]`: lets devices register mailboxes, in this process. */
export function mailGateCommand(io: ProcessIo): Command {
  const command = createCommand('mail-gate', io)
    .description('run the mail gate by itself: where devices register mailboxes')
    .option('--config <path>', 'the config file, "-" for stdin; without it ./config.toml');
  return asRole(command, MAIL_GATE, io);
}

/** `mailwatch [--config PATH|-]`: watches mailboxes, in this process. */
export function mailwatchCommand(io: ProcessIo): Command {
  const command = createCommand('mailwatch', io)
    .description('run the mail watch by itself: the backend of the mail gate')
    .option('--config <path>', 'the config file, "-" for stdin; without it ./config.toml');
  return asRole(command, MAILWATCH, io);
}

function asRole(command: Command, program: RoleProgram, io: ProcessIo): Command {
  return command
    .addOption(new Option('--supervised', 'report to the parent, which is start').hideHelp())
    .action((options: RunRoleOptions) => runRole(program, options, io));
}
