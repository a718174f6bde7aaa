/** `mail register|status|defer|stop|key`: the device's side of the mail watch, for a person at a terminal. */
import type { Command } from 'commander';
import { createMailWatch } from '../client/mail.ts';
import { parseCount, parseUrl } from './call-words.ts';
import { type CommandIo, createCommand } from './command-io.ts';
import { configFor } from './config-for.ts';
import { loadSealingKeys } from './mail-keys.ts';
import { PASSWORD_VARIABLE, registerCommand } from './mail-register.ts';
import { statusInWords, tell } from './mail-words.ts';

const DEFAULT_GATE = 'http://127.0.0.1:8083/';
const MS_PER_SECOND = 1000;

const EXAMPLES = `
Examples:
  Have a mailbox watched; new mail becomes a version on the endpoint of a device (see the command "device"):
    $ ${PASSWORD_VARIABLE}=… reveille mail register --endpoint http://…/update/… --host imap.example.com --user ada
    $ reveille mail register --help    has more, and how it is done with ActiveSync

  See how the watch is, tell it that the device is awake, end it and have the password erased:
    $ reveille mail status <token>
    $ reveille mail defer <token> 60
    $ reveille mail stop <token>

The password is read from ${PASSWORD_VARIABLE}, since a command line can be seen by others. It is sealed here, and opened by the
backend alone.

Exit codes: 0 when it was done, 1 when not, 2 for a bad command line.
`;

/** The command with its five words. */
export function mailCommand(io: CommandIo): Command {
  const command = createCommand('mail', io)
    .description('have a mailbox watched: new mail becomes a version on a device endpoint')
    .option('--gate <url>', 'where the mail watch is', parseUrl, DEFAULT_GATE)
    .addHelpText('after', EXAMPLES);
  const watch = () => createMailWatch(command.opts<{ gate: string }>().gate);
  return command
    .addCommand(registerCommand(io, watch))
    .addCommand(keyCommand(io))
    .addCommand(
      createCommand('status', io)
        .description('tell how a watch is')
        .argument('<token>', 'as "mail register" has printed it')
        .action(async (token: string) => tell(await watch().status(token), io, statusInWords)),
    )
    .addCommand(
      createCommand('defer', io)
        .description('tell the watch that the device is awake and looks itself')
        .argument('<token>', 'as "mail register" has printed it')
        .argument('<seconds>', 'for how long', parseCount)
        .action(async (token: string, seconds: number) =>
          tell(await watch().defer(token, seconds * MS_PER_SECOND), io, ({ untilMs }) => [
            `deferred until ${new Date(untilMs).toISOString()}`,
          ]),
        ),
    )
    .addCommand(
      createCommand('stop', io)
        .description('end a watch and have the credentials erased')
        .argument('<token>', 'as "mail register" has printed it')
        .action(async (token: string) =>
          tell(await watch().stop(token), io, () => ['stopped, and the credentials are erased']),
        ),
    );
}

/** On the machine of the backend, which alone can be believed. */
function keyCommand(io: CommandIo): Command {
  return createCommand('key', io)
    .description('print the ids of the keys that credentials are sealed to, for apps to pin')
    .option('--config <path>', 'the config of the backend; without it ./config.toml')
    .action(async ({ config: path }: { readonly config?: string }) => {
      const config = configFor(io, path);
      if (config === undefined) return;
      for (const { id } of await loadSealingKeys(config.mailwatch)) io.stdout(`${id}\n`);
    });
}
