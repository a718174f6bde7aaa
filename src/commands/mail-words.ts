/** What the mail watch answers, in words for a person at a terminal. */
import { unreachable } from '../assert.ts';
import type { MailCall, MailProblem, MailStatus } from '../client/mail.ts';
import { causeInWords, laterInWords } from './call-words.ts';
import type { CommandIo } from './command-io.ts';
import { printable } from './printable.ts';

/** What was asked goes to stdout; a problem to stderr, with exit code 1. */
export function tell<T>(
  call: MailCall<T>,
  io: CommandIo,
  inWords: (value: T) => readonly string[],
): void {
  if (call.ok) {
    for (const line of inWords(call.value)) io.stdout(`${printable(line)}\n`);
    return;
  }
  for (const line of problemInWords(call.problem)) io.stderr(`${printable(line)}\n`);
  io.setExitCode(1);
}

/** Three lines: the state, the folders, the news. */
export function statusInWords(status: MailStatus): readonly string[] {
  const { state, sinceMs, lastVersion, folders } = status;
  const { kind, ...members } = state;
  const details = Object.keys(members).length === 0 ? '' : ` ${JSON.stringify(members)}`;
  return [
    `${kind} since ${new Date(sinceMs).toISOString()}${details}`,
    `folders: ${folders.map(({ name }) => name).join(', ')}`,
    lastVersion === undefined ? 'no news so far' : `last version: ${lastVersion}`,
  ];
}

function problemInWords(problem: MailProblem): readonly string[] {
  switch (problem.kind) {
    case 'invalid':
      return [
        'refused:',
        ...problem.fields.map(({ field, expected }) => `  ${field}: expected ${expected}`),
      ];
    case 'unauthorized':
      return ['this token is not, or no more, the one of the watch'];
    case 'unknown':
      return ['there is no such watch here'];
    case 'untrusted-key':
      return ['the gate names a key that is not what it says: nothing was sent'];
    case 'try-later':
      return [`${problem.status}: not now; ${laterInWords(problem.retryAfterMs)}`];
    case 'refused':
      return [`${problem.status}: refused`];
    case 'unreachable':
      return [`no answer: ${causeInWords(problem.cause)}`];
    default:
      return unreachable(problem);
  }
}
