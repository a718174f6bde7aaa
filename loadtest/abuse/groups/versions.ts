/** Every way to write a version, and what the device is told of it. */
import { type Make, requests } from '../build.ts';
import type { Group } from '../case.ts';

const FORM = 'Content-Type: application/x-www-form-urlencoded';

function version(text: string): Make {
  return { headers: [FORM], body: `version=${text}` };
}

const taken = (
  [
    ['0', '0'],
    ['1', '1'],
    ['007', '7'],
    ['999999999999999', '999999999999999'],
    ['9007199254740990', '9007199254740990'],
    ['9007199254740991', '9007199254740991'],
    ['000000000000000000000000000001', '1'],
    ['%31', '1'],
  ] as const
).map(
  ([text, told]) =>
    [
      `takes-${text.slice(0, 20)}`,
      version(text),
      {
        // Some servers refuse 0, or bound the length of a body.
        accept: [`20?, got ${told}`, '20?, got now', '4??, got nothing'],
        strict: [`200, got ${told}`],
      },
    ] as const,
);

const REFUSED: readonly string[] = [
  '-1',
  '-0',
  '+5',
  '%2B5',
  '5+',
  '1.0',
  '1.5',
  '.5',
  '5.',
  '1e3',
  '1E3',
  '0x10',
  '0b1',
  '0o7',
  '1_000',
  '1,000',
  '5%20',
  '%205',
  '5%0a',
  '%095',
  '5%00',
  '5%00%00x',
  'abc',
  'NaN',
  'Infinity',
  'null',
  'undefined',
  'true',
  '[1]',
  '{}',
  '%D9%A1',
  '%EF%BC%91',
  '%C2%B2',
  '5;6',
  '5%266',
  '9007199254740992',
  '9007199254740993',
  '9223372036854775807',
  '9223372036854775808',
  '18446744073709551615',
  '18446744073709551616',
  '9'.repeat(400),
];

export const VERSIONS: Group = {
  name: 'versions',
  about: 'every way to write a version, and what the device is told of it',
  cases: [
    ...requests(
      { to: 'endpoint', accept: [], why: 'a version is a decimal integer from 0 to 2^53-1' },
      taken,
    ),
    ...requests(
      {
        to: 'endpoint',
        // Signs, blanks and 64-bit numbers are read by some; what is delivered then is what they make of it.
        accept: ['4??, got nothing', '50?, got nothing', '20?, got *', 'ended, got nothing'],
        strict: ['400, got nothing'],
        why: 'what is no decimal integer from 0 to 2^53-1 is refused, and not guessed at',
      },
      REFUSED.map((text) => [`refuses-${text.slice(0, 20)}`, version(text)] as const),
    ),
  ],
};
