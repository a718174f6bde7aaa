import type { Metrics } from '../metrics.ts';
import type { TokenContent, Tokens } from '../protocol/token.ts';

/**
 * Remembers what tokens stood for: opening one costs three hashes and ciphers (3 µs), looking it up a tenth of that, and most PUTs go to an
 * endpoint that was PUT to before. Two maps of half the bound each: when the newer is full the older is forgotten, so what is used
 * stays and nothing has to be kept in order. Only tokens that open are kept, so strangers cannot fill it.
 */
export function createTokenCache(
  tokens: Pick<Tokens, 'open'>,
  options: { readonly entriesMax: number; readonly metrics: Metrics },
): (token: string) => TokenContent | undefined {
  const { tokenCacheHits, tokenCacheMisses } = options.metrics;
  const generationMax = Math.ceil(options.entriesMax / 2);
  let newer = new Map<string, TokenContent>();
  let older = new Map<string, TokenContent>();

  const keep = (token: string, content: TokenContent) => {
    if (newer.size >= generationMax) {
      older = newer;
      newer = new Map();
    }
    newer.set(token, content);
  };

  return (token) => {
    const recent = newer.get(token);
    if (recent !== undefined) {
      tokenCacheHits.count++;
      return recent;
    }
    const kept = older.get(token);
    if (kept === undefined) tokenCacheMisses.count++;
    else tokenCacheHits.count++;
    const content = kept ?? tokens.open(token);
    if (content !== undefined && options.entriesMax > 0) keep(token, content);
    return content;
  };
}
