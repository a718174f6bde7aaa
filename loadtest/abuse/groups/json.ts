/** Texts that are no JSON object, and JSON that tests the parser. */
import { talks } from '../build.ts';
import type { Group } from '../case.ts';
import {
  BAD_MESSAGE,
  BAD_MESSAGE_STRICT,
  ENDS,
  NO_MESSAGE,
  NO_MESSAGE_STRICT,
} from './acceptable.ts';

const HELLO_START = '{"messageType":"hello","channelIDs":[]';

const notObjects = talks(
  {
    state: 'fresh',
    accept: NO_MESSAGE,
    strict: NO_MESSAGE_STRICT,
    why: 'a message is one JSON object; anything else is no message',
  },
  [
    ['empty', '', { accept: [...NO_MESSAGE, 'served'] }],
    ['blank', '   \n'],
    ['word', 'hello'],
    ['open-brace', '{'],
    ['close-brace', '}'],
    ['unquoted-name', '{messageType:"ping"}'],
    ['single-quotes', "{'messageType':'ping'}"],
    ['trailing-comma', '{"messageType":"ping",}'],
    ['comment', '{"messageType":"ping"/* */}'],
    ['two-objects', '{}{}'],
    ['object-and-more', '{"messageType":"ping"} x'],
    ['array', '[]'],
    ['array-of-message', '[{"messageType":"ping"}]'],
    ['string', '"ping"'],
    ['number', '1'],
    ['minus-zero', '-0'],
    ['null', 'null'],
    ['true', 'true'],
    ['nan', 'NaN'],
    ['infinity', '{"a":Infinity}'],
    ['hex-number', '{"a":0x10}'],
    ['leading-zero', '{"a":01}'],
    ['plus-sign', '{"a":+1}'],
    ['dot-alone', '{"a":1.}'],
    ['raw-newline', '{"a":"\n"}'],
    ['raw-nul', '{"a":"\0"}'],
    ['half-escape', '{"a":"\\u12"}'],
    ['bad-escape', '{"a":"\\x41"}'],
    ['byte-order-mark', '\ufeff{"messageType":"ping"}'],
    ['yaml', 'messageType: ping'],
    ['xml', '<ping/>'],
    ['open-arrays-10000', '['.repeat(10_000)],
    ['open-objects-10000', '{"a":'.repeat(10_000)],
    ['closed-arrays-10000', `${'['.repeat(10_000)}${']'.repeat(10_000)}`],
  ],
);

const oddObjects = talks(
  {
    state: 'fresh',
    accept: BAD_MESSAGE,
    strict: BAD_MESSAGE_STRICT,
    why: 'an object that is no message of the protocol is refused, and changes nothing in the server',
  },
  [
    ['proto-type', '{"messageType":"__proto__"}'],
    ['constructor-type', '{"messageType":"constructor"}'],
    ['to-string-type', '{"messageType":"toString"}'],
    ['has-own-type', '{"messageType":"hasOwnProperty"}'],
    ['proto-member', '{"__proto__":{"messageType":"ping"}}'],
    ['constructor-member', '{"constructor":{"prototype":{"messageType":"ping"}}}'],
    ['type-number', '{"messageType":1}'],
    ['type-null', '{"messageType":null}'],
    ['type-array', '{"messageType":["hello"]}'],
    ['type-object', '{"messageType":{"toString":"hello"}}'],
    ['type-true', '{"messageType":true}'],
    ['type-empty', '{"messageType":""}'],
    ['type-blank', '{"messageType":" hello"}'],
    ['type-nul', '{"messageType":"hello\\u0000"}'],
    ['type-homograph', '{"messageType":"h\u0435llo"}'],
    ['type-dotless-i', '{"messageType":"p\u0131ng"}'],
    ['type-kelvin', '{"messageType":"ac\u212a"}'],
    ['type-lone-surrogate', '{"messageType":"\\ud800"}'],
    ['type-of-10000', `{"messageType":"${'x'.repeat(10_000)}"}`],
    [
      'name-upper-case',
      '{"MESSAGETYPE":"hello","CHANNELIDS":[]}',
      {
        accept: [...BAD_MESSAGE, 'hello new, *'],
        fence: 'register',
        strict: ['error 401, closed 1008'],
      },
    ],
    [
      'type-twice-bad-last',
      '{"messageType":"ping","messageType":"x"}',
      { accept: [...BAD_MESSAGE, 'pong, served'] },
    ],
    ['members-10000', `{${Array.from({ length: 8_000 }, (_, at) => `"m${at}":0`).join()}}`],
    ['nested-1000', `{"a":${'['.repeat(1_000)}${']'.repeat(1_000)}}`],
    ['nested-20000', `{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`],
    ['notification', '{"messageType":"notification","updates":[]}'],
    ['broadcast', '{"messageType":"broadcast_subscribe","broadcasts":{}}'],
    ['nack', '{"messageType":"nack","code":302,"version":"1"}'],
  ],
);

const harmless = talks(
  {
    state: 'fresh',
    accept: [...BAD_MESSAGE, 'pong, *'],
    strict: ['pong, served'],
    why: 'a ping is a ping whatever else is in it',
  },
  [
    ['ping-empty', '{}'],
    ['ping-empty-with-blanks', ' {\t}\r\n'],
    ['ping-upper-case', '{"messageType":"PING"}'],
    ['ping-escaped', '{"messageType":"\\u0070ing"}'],
    ['ping-huge-number', `{"messageType":"ping","n":${'9'.repeat(5_000)}}`],
    ['ping-huge-exponent', '{"messageType":"ping","n":1e999999}'],
    ['ping-tiny-exponent', '{"messageType":"ping","n":1e-999999}'],
    ['ping-lone-surrogate', '{"messageType":"ping","s":"\\ud800\\udc00\\ud800"}'],
    ['ping-nul', '{"messageType":"ping","s":"\\u0000"}'],
    ['ping-proto', '{"messageType":"ping","__proto__":{"status":500}}'],
    ['ping-nested-500', `{"messageType":"ping","a":${'['.repeat(500)}${']'.repeat(500)}}`],
    [
      'ping-members-3000',
      `{"messageType":"ping",${Array.from({ length: 3_000 }, (_, at) => `"m${at}":0`).join()}}`,
    ],
    ['ping-type-twice', '{"messageType":"x","messageType":"ping"}'],
    ['ping-rtl', '{"messageType":"ping","\u202e":"\u202e"}'],
  ],
);

const tooLarge = talks(
  {
    state: 'fresh',
    accept: [...ENDS, 'served', 'hello *, served', 'error *'],
    strict: ['closed 1009', 'ended'],
    why: 'the size of a message has a bound (RFC 6455, 10.4)',
  },
  [
    ['hello-of-200-kb', `${HELLO_START},"x":"${'x'.repeat(200_000)}"}`],
    ['hello-of-300-kb', `${HELLO_START},"x":"${'x'.repeat(300_000)}"}`],
    ['blanks-of-1-mb', `${' '.repeat(1_000_000)}{}`],
  ],
);

export const JSON_TEXTS: Group = {
  name: 'json',
  about: 'texts that are no JSON object, and JSON that tests the parser',
  cases: [...notObjects, ...oddObjects, ...harmless, ...tooLarge],
};
