/** Sets of acceptable answers that many cases share. case.ts says what the words mean. */

/** The connection ends, with or without words before: the answer to what breaks RFC 6455. */
export const ENDS = ['*closed *', '*ended'];
/** What protocol.md promises for a broken frame: the transport's own close code, or an end without any. */
export const BREACH = ['closed 1002', 'closed 1007', 'ended'];
/** As BREACH, for what is a size and not a form. */
export const TOO_LARGE = ['closed 1002', 'closed 1009', 'ended'];
/** What no JSON object is answered with. Some servers pass over it, some answer before they close. */
export const NO_MESSAGE = [...ENDS, 'served', 'error *, served'];
export const NO_MESSAGE_STRICT = ['closed 1003'];
/** A message that breaks a rule. Some servers leave the connection open, some say nothing. */
export const BAD_MESSAGE = [...ENDS, 'served', 'error *, served'];
export const BAD_MESSAGE_STRICT = ['error 401, closed 1008'];

/** A request that is none: refused in words or without, and nothing of it reaches the device. */
export const BAD_REQUEST = ['4??, got nothing', '50?, got nothing', 'ended, got nothing'];
/** The same, where the server may also wait for the rest. */
export const BAD_OR_UNFINISHED_REQUEST = [...BAD_REQUEST, 'silent, got nothing'];
/** The same, at the listener for devices, which has no endpoint to reach. */
export const BAD_UPGRADE = ['4??', '50?', 'ended'];
/** protocol.md: what is no WebSocket request, or not a proper one. 431 and 505 are said by the HTTP parser before the server sees it. */
export const BAD_UPGRADE_STRICT = ['400', '405', '426', '431', '505', 'ended'];
/** Taken as if nothing were odd about it. */
export const TAKEN = ['200, got 1', '202, got 1'];
