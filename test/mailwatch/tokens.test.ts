import { expect } from 'chai';
import {
  accountIdOf,
  accountOfToken,
  isTokenOf,
  newWatchToken,
} from '../../src/mailwatch/tokens.ts';

const ID = accountIdOf('https://push.example/update/ada');

describe('the token of a watch', () => {
  it('names its account, and proves nothing but itself', () => {
    const { token, hash } = newWatchToken(ID);
    const other = newWatchToken(ID);
    expect(accountOfToken(token)).to.equal(ID);
    expect(isTokenOf(token, hash)).to.equal(true);
    expect(isTokenOf(other.token, hash)).to.equal(false);
    expect(hash).not.to.include(token.slice(-43));
  });

  it('is of one account for one endpoint', () => {
    expect(accountIdOf('https://push.example/update/ada')).to.equal(ID);
    expect(accountIdOf('https://push.example/update/adb')).not.to.equal(ID);
  });

  const good = newWatchToken(ID).token;
  for (const [title, token] of [
    ['nothing', ''],
    ['an id alone', ID],
    ['one character less', good.slice(0, -1)],
    ['one character more', `${good}A`],
    ['a line end behind it', `${good}\n`],
    ['another alphabet', `${good.slice(0, -1)}+`],
    ['an id in capitals', good.replace(/^[0-9a-f]+/, (id) => `A${id.slice(1).toUpperCase()}`)],
  ] as const) {
    it(`is not ${title}`, () => expect(accountOfToken(token)).to.equal(undefined));
  }
});
