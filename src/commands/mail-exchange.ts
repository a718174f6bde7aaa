/** What `mail register --activesync` has a server asked, from options and files. */
import { createReadStream } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { InvalidArgumentError } from 'commander';
import type { MailExchange } from '../client/mail.ts';
import {
  PROTOCOL_VERSIONS,
  pathFor,
  RESPONSE_TIMEOUT_MS_MAX,
  RESPONSE_TIMEOUT_MS_MIN,
  WBXML_BYTES_MAX,
} from '../mailwatch/rpc/exchange-schema.ts';

/** The options of `mail register` that only ActiveSync has. `request` and `unchangedReply` are paths of files. */
export interface ExchangeOptions {
  readonly path?: string;
  readonly request?: string;
  readonly unchangedReply?: string;
  readonly sync?: true;
  readonly responseTimeout?: number;
  readonly protocolVersion?: string;
  readonly policyKey?: string;
  readonly userAgent?: string;
}

/** What was asked for, or a sentence for everything that is wrong with it. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Spoken by every Exchange since 2010 SP1. */
export const DEFAULT_PROTOCOL_VERSION = '14.1';

const MS_PER_SECOND = 1000;
const RESPONSE_TIMEOUT_S_MIN = RESPONSE_TIMEOUT_MS_MIN / MS_PER_SECOND;
const RESPONSE_TIMEOUT_S_MAX = RESPONSE_TIMEOUT_MS_MAX / MS_PER_SECOND;

const FLAGS: Readonly<Record<keyof ExchangeOptions, string>> = {
  path: '--path',
  request: '--request',
  unchangedReply: '--unchanged-reply',
  sync: '--sync',
  responseTimeout: '--response-timeout',
  protocolVersion: '--protocol-version',
  policyKey: '--policy-key',
  userAgent: '--user-agent',
};

/** A sentence for each of these options that was given: without ActiveSync they say nothing. */
export function strayExchangeOptions(options: ExchangeOptions): readonly string[] {
  return Object.entries(FLAGS)
    .filter(([name]) => options[name as keyof ExchangeOptions] !== undefined)
    .map(([, flag]) => `${flag} is for ActiveSync: add --activesync, or leave it out`);
}

/** The exchange with its files read. Never rejects. */
export async function readExchange(options: ExchangeOptions): Promise<Checked<MailExchange>> {
  const { path, request, unchangedReply, responseTimeout, sync: isSync = false } = options;
  const { protocolVersion = DEFAULT_PROTOCOL_VERSION, policyKey, userAgent } = options;
  const missing = missingIn(options);
  if (path === undefined || request === undefined || responseTimeout === undefined) {
    return { ok: false, problems: missing };
  }
  const [asked, unchanged] = await Promise.all([
    readWbxml(FLAGS.request, request),
    unchangedReply === undefined ? undefined : readReply(unchangedReply),
  ]);
  const problems = [
    ...missing,
    ...pathProblems(path, isSync),
    ...(asked.ok ? [] : asked.problems),
    ...(unchanged === undefined || unchanged.ok ? [] : unchanged.problems),
  ];
  if (problems.length > 0 || !asked.ok) return { ok: false, problems };
  return {
    ok: true,
    value: {
      ...{ path, requestData: asked.value, isSync, protocolVersion },
      responseTimeoutMs: responseTimeout * MS_PER_SECOND,
      ...(unchanged?.ok ? { noChangeReply: unchanged.value } : {}),
      ...(policyKey === undefined ? {} : { policyKey }),
      ...(userAgent === undefined ? {} : { userAgent }),
    },
  };
}

/** Seconds that a server can be asked to hold its answer back. @throws InvalidArgumentError */
export function parseResponseTimeout(text: string): number {
  const seconds = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0;
  if (seconds >= RESPONSE_TIMEOUT_S_MIN && seconds <= RESPONSE_TIMEOUT_S_MAX) return seconds;
  const range = `${RESPONSE_TIMEOUT_S_MIN} to ${RESPONSE_TIMEOUT_S_MAX}`;
  throw new InvalidArgumentError(`It must be a whole number from ${range}.`);
}

/** One of PROTOCOL_VERSIONS. @throws InvalidArgumentError */
export function parseProtocolVersion(text: string): string {
  if (PROTOCOL_VERSIONS.some((version) => version === text)) return text;
  throw new InvalidArgumentError(`It must be one of ${PROTOCOL_VERSIONS.join(', ')}.`);
}

function missingIn(options: ExchangeOptions): readonly string[] {
  const { path, request, unchangedReply, responseTimeout, sync } = options;
  return [
    ...(path === undefined
      ? ['--activesync needs --path: path and query of the POST, with Cmd=Ping']
      : []),
    ...(request === undefined
      ? ['--activesync needs --request: a file with the WBXML that is posted']
      : []),
    ...(unchangedReply === undefined && sync === undefined
      ? [
          '--activesync needs --unchanged-reply, a file with the whole answer when nothing is new, or --sync',
        ]
      : []),
    ...(responseTimeout === undefined
      ? ['--activesync needs --response-timeout: the seconds that the request asks for']
      : []),
  ];
}

function pathProblems(path: string, isSync: boolean): readonly string[] {
  const { expected, isMetBy } = pathFor(isSync ? 'Sync' : 'Ping');
  if (isMetBy(path)) return [];
  return [`--path: expected ${expected}${isSync ? '' : '; Cmd=Sync goes with --sync'}`];
}

async function readReply(path: string): Promise<Checked<string>> {
  const read = await readWbxml(FLAGS.unchangedReply, path);
  if (!read.ok || read.value !== '') return read;
  const problem = `${FLAGS.unchangedReply}: ${path} is empty, which is what --sync is for`;
  return { ok: false, problems: [problem] };
}

/** The file in base64. A request may be empty: the server then takes the one before (MS-ASCMD). */
async function readWbxml(flag: string, path: string): Promise<Checked<string>> {
  try {
    // One byte more than there may be tells that there is too much, also of what has no end.
    const bytes = await buffer(createReadStream(path, { end: WBXML_BYTES_MAX }));
    if (bytes.length <= WBXML_BYTES_MAX) return { ok: true, value: bytes.toString('base64') };
    const problem = `${flag}: ${path} has more than ${WBXML_BYTES_MAX} bytes`;
    return { ok: false, problems: [problem] };
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it cannot be read';
    return { ok: false, problems: [`${flag}: cannot read ${path}: ${why}`] };
  }
}
