import { expect } from 'chai';
import { createRoutes } from '../../src/mailwatch/gate/routes.ts';
import { WATCH_STATES } from '../../src/mailwatch/mail-metrics.ts';
import type { MailBackend } from '../../src/mailwatch/rpc/methods.ts';
import { readPage, readText, rowsIn, sectionOf } from './pages.ts';

const PAGE = readPage('docs/mail.md');
const CALL = /^`(GET|POST) (\/mail\/v1\/[a-z]+)`$/;

/** Nobody is asked where only routes are looked up. */
const NOBODY = {} as MailBackend;

describe('docs/mail.md', () => {
  const calls = rowsIn(sectionOf(PAGE, 'The API')).flatMap(([call = '']) => {
    const [, method = '', path = ''] = CALL.exec(call) ?? [];
    return method === '' ? [] : [{ method, path }];
  });

  it('has every call of the gate', () => {
    const routes = [...readText('src/mailwatch/gate/routes.ts').matchAll(/^ {4}'(\/[^']+)':/gm)];
    expect(calls.map(({ path }) => path)).to.have.members(routes.map(([, path]) => path));
    expect(calls.length).to.be.greaterThan(4);
  });

  for (const { method, path } of calls) {
    it(`names the method of ${path}`, () => {
      const route = createRoutes({ backend: NOBODY, retryAfterMs: 1000 })(method, path);
      expect(route).to.have.property('answer');
    });
  }

  it('explains every status of a refusal', () => {
    const told = rowsIn(sectionOf(PAGE, 'The API')).map(([first]) => first);
    const given = readText('src/mailwatch/gate/answers.ts').matchAll(/\bstatus: ([45]\d\d)\b/g);
    const statuses = new Set([...given].map(([, status = '']) => status));
    expect(statuses.size).to.be.greaterThan(6);
    expect([...statuses].filter((status) => !told.join(' ').includes(status))).to.deep.equal([]);
  });

  it('has every state of a watch, and no other', () => {
    const told = rowsIn(sectionOf(PAGE, 'States')).flatMap(
      ([kind = '']) => /^`([a-z-]+)`$/.exec(kind)?.[1] ?? [],
    );
    expect(told).to.have.members([...WATCH_STATES]);
  });

  it('tells what the envelope is sealed for', () => {
    const [, info = ''] =
      /INFO = new TextEncoder\(\)\.encode\('([^']+)'\)/.exec(
        readText('src/protocol/envelope.ts'),
      ) ?? [];
    expect(info).not.to.equal('');
    expect(PAGE.prose).to.include(`\`${info}\``);
  });
});
