import { type Command, InvalidArgumentError } from 'commander';
import { unreachable } from '../assert.ts';
import { type PutResult, putVersion } from '../client/put.ts';
import { parseVersion, type Version } from '../protocol/ids.ts';
import { causeInWords, laterInWords, parseUrl } from './call-words.ts';
import { type CommandIo, createCommand } from './command-io.ts';
import { printable } from './printable.ts';

const EXAMPLES = `
Examples:
  Tell the device that something is new; the server takes the time as the version:
    $ reveille put http://push.example.com/update/…

  Tell it which version, and give it a word on the way if it is connected:
    $ reveille put http://push.example.com/update/… 17 --data 'two letters'

Exit codes: 0 when the server has accepted the version (200 or 202), 1 when not, 2 for a bad command line.
`;

/** `put <endpoint> [version] [--data TEXT]`: one PUT, as an app server does it, and what became of it in words. */
export function putCommand(io: CommandIo): Command {
  return createCommand('put', io)
    .description('tell a device that a version is there, as an app server does')
    .argument('<endpoint>', 'the http or https URL that the device was given', parseUrl)
    .argument('[version]', 'an integer from 0 to 2^53-1 (default: the time in seconds)', toVersion)
    .option('--data <text>', 'given to the device if it is connected; never stored')
    .addHelpText('after', EXAMPLES)
    .action(async (endpoint: string, version: Version | undefined, options: { data?: string }) => {
      const result = await putVersion(endpoint, version, options);
      const isAccepted = result.kind === 'delivered' || result.kind === 'stored';
      const line = `${printable(inWords(result))}\n`;
      if (isAccepted) {
        io.stdout(line);
      } else {
        io.stderr(line);
        io.setExitCode(1);
      }
    });
}

function inWords(result: PutResult): string {
  switch (result.kind) {
    case 'delivered':
      return '200 delivered: the device is connected and was sent the version';
    case 'stored':
      return '202 stored: the device will get the version when it connects';
    case 'gone':
      return '410 gone: the channel was unregistered; this endpoint can be forgotten';
    case 'unknown-endpoint':
      return '404 not found: this server knows no such endpoint';
    case 'try-later':
      return `${result.status} not accepted: ${laterInWords(result.retryAfterMs)}`;
    case 'refused':
      return `${result.status} refused${result.reason === '' ? '' : `: ${result.reason}`}`;
    case 'unreachable':
      return `no answer: ${causeInWords(result.cause)}`;
    default:
      return unreachable(result);
  }
}

function toVersion(text: string): Version {
  const version = parseVersion(text);
  if (version !== undefined) return version;
  throw new InvalidArgumentError('It must be an integer from 0 to 2^53-1.');
}
