/** What commands that speak to a server over HTTP say and understand alike. */
import { InvalidArgumentError } from 'commander';

const MS_PER_SECOND = 1000;

/** When to come again, as the server has asked. */
export function laterInWords(retryAfterMs: number | undefined): string {
  return retryAfterMs === undefined
    ? 'try again later'
    : `try again in ${Math.ceil(retryAfterMs / MS_PER_SECOND)} s`;
}

/** Why there is no answer. What fetch rejects with says little; its cause says what happened. */
export function causeInWords(error: unknown): string {
  const innermost = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return innermost instanceof Error ? innermost.message : 'the request failed';
}

/** An http or https URL of the command line. @throws InvalidArgumentError */
export function parseUrl(text: string): string {
  const protocol = URL.canParse(text) ? new URL(text).protocol : '';
  if (protocol === 'http:' || protocol === 'https:') return text;
  throw new InvalidArgumentError('It must be an http or https URL.');
}

/** A whole number of the command line. @throws InvalidArgumentError */
export function parseCount(text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number.');
}
