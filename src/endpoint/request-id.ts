import { randomUUID } from 'node:crypto';
import { parseRequestId, type RequestId } from '../protocol/ids.ts';

/** The request's own id when it is a UUID, else a new one (protocol.md, "PUT"). `offered`: what the caller sent; '' for nothing. */
export type RequestIdOf = (offered: string) => RequestId;

/** Ids that share one random beginning: their last four digits count them. */
const NUMBERED_MAX = 0x1_0000;
const BEGINNING_CHARACTERS = 32;
const BYTES_IN_HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/**
 * One per listener. Nearly every PUT gets an id that nobody reads, so it is a UUIDv4 in form whose 106 random bits are drawn
 * once for 65,536 ids: all of them drawn anew took a microsecond of each PUT. It need not be hard to guess: it opens nothing.
 */
export function createRequestIds(): RequestIdOf {
  let beginning = '';
  let numbered = NUMBERED_MAX;

  function newId(): RequestId {
    if (numbered === NUMBERED_MAX) {
      beginning = randomUUID().slice(0, BEGINNING_CHARACTERS);
      numbered = 0;
    }
    const number = numbered++;
    const end = `${BYTES_IN_HEX[number >> 8]}${BYTES_IN_HEX[number & 0xff]}`;
    return `${beginning}${end}` as RequestId;
  }

  return (offered) => {
    const own = offered === '' ? undefined : parseRequestId(offered);
    return own ?? newId();
  };
}
