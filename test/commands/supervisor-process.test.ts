import { expect } from 'chai';
import { Question } from '../../src/commands/supervisor-process.ts';

/** Long enough for no answer to be late by chance. */
const LONG_MS = 10_000;

describe('a question to a role', () => {
  let sent: number;
  const send = () => {
    sent++;
  };

  beforeEach(() => {
    sent = 0;
  });

  it('is asked once for all who ask before the answer', async () => {
    const question = new Question<string>(send, LONG_MS);
    const answers = [question.ask(), question.ask()];
    question.settle('fine');
    expect(await Promise.all(answers)).to.deep.equal(['fine', 'fine']);
    expect(sent).to.equal(1);
  });

  it('is asked anew after an answer', async () => {
    const question = new Question<string>(send, LONG_MS);
    const first = question.ask();
    question.settle('one');
    await first;
    const second = question.ask();
    question.settle('two');
    expect(await second).to.equal('two');
    expect(sent).to.equal(2);
  });

  it('has no answer after the deadline, and is not sent again while one is owed', async () => {
    const question = new Question<string>(send, 1);
    expect(await question.ask()).to.equal(undefined);
    expect(await question.ask()).to.equal(undefined);
    expect(sent).to.equal(1);
    question.settle('late');
    const again = question.ask();
    question.settle('in time');
    expect(await again).to.equal('in time');
    expect(sent).to.equal(2);
  });
});
