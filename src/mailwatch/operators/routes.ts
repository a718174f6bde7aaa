/** What operators may ask over HTTP, and what the words of a query mean (docs/mail.md, "For operators"). */
import type { AccountId, WatchState } from '../account.ts';
import { WATCH_STATES } from '../mail-metrics.ts';
import type { Operators, Which } from '../operators.ts';
import { isOutage } from '../outage.ts';
import { VaultKeyError } from '../vault.ts';

/** One answer, its body as JSON. */
export interface OperatorsAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: object;
}

/** Accounts of one page at most. */
export const ACCOUNTS_PER_PAGE_MAX = 1_000;
const ACCOUNTS_PER_PAGE_DEFAULT = 100;
const ACCOUNT = /^[0-9a-f]{32}$/;
const HOST = /^[0-9a-z.:_-]{1,253}$/;

/** What a query may say: each word with what its value must be. */
const WORDS = {
  host: { expected: 'the name of a mail server, lower-case', isGood: isHost },
  account: { expected: '32 hex digits, as the list shows them', isGood: isAccount },
  all: { expected: '"true"', isGood: (text: string) => text === 'true' },
  state: { expected: `one of ${WATCH_STATES.join(', ')}`, isGood: isState },
  after: { expected: 'the "next" of the page before', isGood: isAccount },
  limit: { expected: `1 to ${ACCOUNTS_PER_PAGE_MAX}`, isGood: isLimit },
} as const;
type Word = keyof typeof WORDS;
type Query = Readonly<Partial<Record<Word, string>>>;

interface Route {
  readonly method: 'GET' | 'POST';
  readonly words: readonly Word[];
  readonly answer: (query: Query) => object | undefined | Promise<object>;
}

const NOT_CHOSEN = {
  status: 400,
  body: { error: 'say which: host=…, account=…, or all=true' },
} as const;

/** Answers one request. Never rejects but by our own bug. */
export type AnswerOperator = (method: string, url: string) => Promise<OperatorsAnswer>;

export function createOperatorsRoutes(operators: Operators): AnswerOperator {
  const routes = routesOf(operators);
  return async (method, url) => {
    const { pathname, searchParams } = parseUrl(url);
    const route = Object.hasOwn(routes, pathname) ? routes[pathname] : undefined;
    if (route === undefined) {
      return { status: 404, body: { error: 'there is nothing here', paths: Object.keys(routes) } };
    }
    if (route.method !== method) {
      const headers = { Allow: route.method };
      return { status: 405, headers, body: { error: `use ${route.method}` } };
    }
    const { query, problems } = readQuery(searchParams, route.words);
    if (problems.length > 0) return { status: 400, body: { error: 'bad query', problems } };
    return await answerWith(route, query);
  };
}

async function answerWith(route: Route, query: Query): Promise<OperatorsAnswer> {
  try {
    const body = await route.answer(query);
    return body === undefined ? NOT_CHOSEN : { status: 200, body };
  } catch (error) {
    if (!isOutage(error)) throw error;
    // Keys that do not fit are for the operator to mend; anything else may be over soon.
    const status = error instanceof VaultKeyError ? 409 : 503;
    return { status, body: { error: error instanceof Error ? error.message : '' } };
  }
}

/** What is no path is no route. */
function parseUrl(url: string): Pick<URL, 'pathname' | 'searchParams'> {
  const base = 'http://operators';
  return URL.canParse(url, base)
    ? new URL(url, base)
    : { pathname: '', searchParams: new URLSearchParams() };
}

function routesOf(operators: Operators): Readonly<Record<string, Route>> {
  const ofChosen = (act: (which: Which) => number): Route => ({
    method: 'POST',
    words: ['host', 'account', 'all'],
    answer: ({ all, ...query }) => {
      const which = whichOf(query);
      // A word that was forgotten must not reach everybody.
      const isChosen = Object.keys(which).length > 0 !== (all !== undefined);
      return isChosen ? { accounts: act(which) } : undefined;
    },
  });
  return {
    '/v1/status': { method: 'GET', words: [], answer: () => operators.report() },
    '/v1/accounts': {
      method: 'GET',
      words: ['host', 'account', 'state', 'after', 'limit'],
      answer: ({ state, after = '', limit = ACCOUNTS_PER_PAGE_DEFAULT, ...query }) =>
        operators.accounts({
          ...{ ...whichOf(query), after, limit: Number(limit) },
          ...(state !== undefined && isState(state) ? { state } : {}),
        }),
    },
    '/v1/pause': action(async () => {
      await operators.pause();
      return operators.report();
    }),
    '/v1/resume': action(async () => {
      await operators.resume();
      return operators.report();
    }),
    '/v1/rotate': action(async () => ({ accounts: await operators.rotate() })),
    '/v1/rearm': ofChosen((which) => operators.rearm(which)),
    '/v1/alert': ofChosen((which) => operators.alert(which)),
  };
}

/** What is done to all, and takes no words. */
function action(answer: () => Promise<object>): Route {
  return { method: 'POST', words: [], answer };
}

function whichOf({ host, account }: Query): Which {
  return {
    ...(host === undefined ? {} : { host }),
    ...(account !== undefined && isAccount(account) ? { account } : {}),
  };
}

/** The words of a query, each once; and every one that is not as it must be. */
function readQuery(
  params: URLSearchParams,
  allowed: readonly Word[],
): { readonly query: Query; readonly problems: readonly object[] } {
  const query: Partial<Record<Word, string>> = {};
  const problems: object[] = [];
  for (const [name, value] of params) {
    const word = allowed.find((one) => one === name);
    if (word === undefined) {
      const expected = allowed.length === 0 ? 'nothing' : `one of ${allowed.join(', ')}`;
      problems.push({ word: name, expected });
    } else if (!WORDS[word].isGood(value)) {
      problems.push({ word, expected: WORDS[word].expected });
    } else query[word] = value;
  }
  return { query, problems };
}

function isHost(text: string): boolean {
  return HOST.test(text);
}

function isAccount(text: string): text is AccountId {
  return ACCOUNT.test(text);
}

function isState(text: string): text is WatchState['kind'] {
  return WATCH_STATES.some((state) => state === text);
}

function isLimit(text: string): boolean {
  return /^[0-9]{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= ACCOUNTS_PER_PAGE_MAX;
}
