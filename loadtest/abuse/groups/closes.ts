/** Close frames, proper and not (RFC 6455, section 5.5.1). */
import { closePayload, OPCODES } from '../../wire/frames.ts';
import { frame, talks } from '../build.ts';
import type { Piece } from '../case.ts';
import { ENDS } from './acceptable.ts';

const CODES_VALID = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 4000, 4999];
const CODES_INVALID = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65_535];

/** Close frames with every kind of code and reason. */
export const CLOSES = talks(
  {
    state: 'ready',
    accept: ENDS,
    why: 'a close is answered and the connection ends, whatever its code (RFC 6455, 7.4)',
  },
  [
    ...[...CODES_VALID, ...CODES_INVALID].map(
      (code) => [`close-${code}`, close(closePayload(code), `CLOSE ${code}`)] as const,
    ),
    ['close-empty', close('', 'CLOSE')],
    ['close-half-a-code', close('x', 'CLOSE')],
    ['close-reason-of-123', close(closePayload(1000, 'x'.repeat(123)), 'CLOSE')],
    ['close-reason-not-utf-8', close(closePayload(1000, Buffer.of(0xff)), 'CLOSE')],
    ['close-twice', [close(closePayload(1000), 'CLOSE'), close(closePayload(1000), 'CLOSE')]],
    ['text-after-close', [close(closePayload(1000), 'CLOSE'), '{}']],
  ],
);

function close(payload: Buffer | string, note: string): Piece {
  return frame(payload, { opcode: OPCODES.close }, note);
}
