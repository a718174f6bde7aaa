/** The server that a suite is held against, as the command line names it. Nothing else is known of it but what it says on the wire. */
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';

export interface Target {
  /** Where devices connect: ws or wss. */
  readonly url: URL;
  /** Offered by every device; '' offers none. */
  readonly subprotocol: string;
  /** Takes the place of scheme, host and port in the endpoints that the server announces. */
  readonly endpointBase: URL | undefined;
  readonly tls: { readonly ca?: string; readonly rejectUnauthorized: boolean };
  /** Longest wait for anything the server owes, in milliseconds. */
  readonly timeoutMs: number;
}

/** The flags that `addTargetOptions` adds. */
export interface TargetFlags {
  readonly subprotocol: string;
  readonly endpointBase?: URL;
  readonly ca?: string;
  readonly insecure?: true;
  readonly timeout: number;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Adds the argument and the options that name a server. */
export function addTargetOptions(
  program: Command,
  { argument = '<url>', timeoutMs }: { readonly argument?: string; readonly timeoutMs: number },
): Command {
  return program
    .argument(argument, 'where devices connect: ws://host:port/ or wss://…', parseSocketUrl)
    .option(
      '--endpoint-base <url>',
      'reach endpoints here, whatever host the server announces',
      parseHttpUrl,
    )
    .option('--subprotocol <name>', 'what devices offer; "" offers none', 'push-notification')
    .option('--ca <file>', 'PEM file of the certificates to trust', readText)
    .option('--insecure', 'trust any certificate')
    .option('--timeout <ms>', 'longest wait for an answer', parsePositive, timeoutMs);
}

export function targetOf(url: URL, flags: TargetFlags): Target {
  const { subprotocol, endpointBase, ca, insecure, timeout } = flags;
  const tls = { rejectUnauthorized: insecure !== true, ...(ca === undefined ? {} : { ca }) };
  return { url, subprotocol, endpointBase, tls, timeoutMs: timeout };
}

/** The endpoint as this machine reaches it; undefined when `announced` is no http or https URL. */
export function endpointOf(target: Target, announced: string): URL | undefined {
  const url = URL.canParse(announced) ? new URL(announced) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  const { endpointBase } = target;
  return endpointBase === undefined
    ? url
    : new URL(`${endpointBase.origin}${url.pathname}${url.search}`);
}

/** Whether the host is this machine, by its name alone: a name that is looked up may lead anywhere. */
export function isLoopback({ hostname }: URL): boolean {
  return LOOPBACK.test(hostname);
}

/** A whole number above 0, for commander. @throws InvalidArgumentError */
export function parsePositive(text: string): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) === 0) {
    throw new InvalidArgumentError('Not a whole number above 0.');
  }
  return Number(text);
}

function parseSocketUrl(text: string): URL {
  return parseUrl(text, /^wss?:$/, 'Not a ws:// or wss:// URL.');
}

function parseHttpUrl(text: string): URL {
  return parseUrl(text, /^https?:$/, 'Not an http:// or https:// URL.');
}

function parseUrl(text: string, scheme: RegExp, complaint: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !scheme.test(url.protocol)) throw new InvalidArgumentError(complaint);
  return url;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
