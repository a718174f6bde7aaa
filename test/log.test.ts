import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { createLog, type LogLevel, type LogOptions, quietLog } from '../src/log.ts';

const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error'];

function openLog(options: Partial<LogOptions> = {}) {
  const texts: string[] = [];
  const destination = { write: (text: string) => void texts.push(text) };
  const log = createLog({
    level: 'info',
    format: 'json',
    isTerminal: false,
    destination,
    ...options,
  });
  return { log, texts, lines: () => texts.map((text): unknown => JSON.parse(text)) };
}

/** What one line at `level` says, by a log whose own level is `logLevel`. */
function lineOf(fields: object, level: LogLevel = 'info', logLevel: LogLevel = 'info'): object {
  const { log, lines } = openLog({ level: logLevel });
  log[level](fields, 'test');
  return Object(lines()[0]);
}

describe('log', () => {
  it('writes one JSON object a line, with level, time and event', () => {
    const { log, texts, lines } = openLog();
    log.warn({ deviceId: 'd', text: 'a\nb' }, 'store.put.failed');
    expect(texts).to.have.lengthOf(1);
    expect(texts[0]).to.match(/^[^\n]+\n$/);
    expect(lines()[0]).to.include({
      level: 'warn',
      event: 'store.put.failed',
      deviceId: 'd',
      text: 'a\nb',
      pid: process.pid,
    });
    expect(lines()[0])
      .to.have.property('time')
      .that.matches(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  for (const [rank, level] of LEVELS.entries()) {
    it(`writes ${LEVELS.slice(rank).join(', ')} at level ${level}, and no other`, () => {
      const { log, lines } = openLog({ level });
      for (const lineLevel of LEVELS) log[lineLevel]({}, 'test');
      const written = lines().map((line) => Object(line).level);
      expect(written).to.deep.equal(LEVELS.slice(rank));
    });
  }

  for (const level of LEVELS) {
    const isDebugging = level === 'debug' || level === 'trace';
    it(`says that it is ${isDebugging ? '' : 'not '}debugging at level ${level}`, () => {
      expect(openLog({ level }).log.isDebugging).to.equal(isDebugging);
    });
  }

  const secrets = ['token', 'apnsToken', 'tokens', 'key', 'tls_key', 'keys', 'passphrase'];
  const credentials = ['password', 'clientSecret', 'Authorization', 'cookie', 'credentials'];
  for (const name of [...secrets, ...credentials]) {
    it(`redacts ${name} at any depth`, () => {
      const line = JSON.stringify(lineOf({ [name]: 'x1', deep: [{ er: { [name]: ['x1'] } }] }));
      expect(line).to.not.include('x1');
      expect(line.match(/\[redacted\]/g)).to.have.lengthOf(2);
    });
  }

  it('leaves numbers, booleans and names that only begin like a secret', () => {
    const fields = { tokenCacheHits: 3, hasKey: true, keyPath: '/k', monkey: 1 };
    expect(lineOf(fields)).to.include(fields);
  });

  it('redacts the token of an endpoint in any text', () => {
    const url = `https://push.example/update/${'A-_z'.repeat(16)}`;
    const err = new Error(`PUT ${url} failed`, { cause: new Error(url) });
    const line = JSON.stringify(lineOf({ url, err }, 'error', 'trace'));
    expect(line).to.not.include('A-_zA');
    expect(line).to.include('https://push.example/update/[redacted]');
  });

  it('writes the size of bytes, not the bytes', () => {
    expect(lineOf({ frame: Buffer.from('abc') })).to.include({ frame: '[3 bytes]' });
  });

  it('keeps message, code and causes of an error', () => {
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    const err = new TypeError('no store', { cause });
    expect(lineOf({ err }, 'warn')).to.have.deep.property('err', {
      type: 'TypeError',
      message: 'no store',
      cause: { type: 'Error', message: 'refused', code: 'ECONNREFUSED' },
    });
  });

  const stacks: readonly [LogLevel, LogLevel, boolean][] = [
    ['warn', 'info', false],
    ['info', 'info', false],
    ['error', 'info', true],
    ['warn', 'debug', true],
    ['info', 'trace', true],
  ];
  for (const [level, logLevel, hasStack] of stacks) {
    it(`${hasStack ? 'keeps' : 'drops'} the stack of an error at ${level} when the log is at ${logLevel}`, () => {
      const line = lineOf({ err: new Error('x') }, level, logLevel);
      expect('stack' in Object(Object(line).err)).to.equal(hasStack);
    });
  }

  it('ends with objects that contain themselves and errors that caused themselves', () => {
    const round: { self?: object } = {};
    round.self = round;
    const err = new Error('round');
    err.cause = err;
    expect(JSON.stringify(lineOf({ round, err }))).to.include('[too deep]');
  });

  it('cuts texts beyond 2000 characters', () => {
    const line = lineOf({ at: 'a'.repeat(2000), beyond: 'a'.repeat(2001) });
    expect(line).to.include({ at: 'a'.repeat(2000), beyond: `${'a'.repeat(2000)}…` });
  });

  const formats = [
    { format: 'auto', isTerminal: false, isPretty: false },
    { format: 'auto', isTerminal: true, isPretty: true },
    { format: 'json', isTerminal: true, isPretty: false },
    { format: 'pretty', isTerminal: false, isPretty: true },
  ] as const;
  for (const { format, isTerminal, isPretty } of formats) {
    const where = isTerminal ? 'a terminal' : 'no terminal';
    it(`is ${isPretty ? 'pretty' : 'JSON'} for format ${format} on ${where}`, () => {
      const { log, texts } = openLog({ format, isTerminal });
      log.info({ port: 1 }, 'start.ready');
      expect(texts.join('').startsWith('{')).to.equal(!isPretty);
      expect(texts.join('')).to.include('start.ready').and.include('port');
    });
  }

  for (const format of ['json', 'pretty']) {
    it(`has written to stderr, as ${format}, when the process exits next`, async () => {
      const script = `
        import { createLog } from ${JSON.stringify(new URL('../src/log.js', import.meta.url))};
        const log = createLog({ level: 'info', format: '${format}', isTerminal: false });
        log.error({}, 'first');
        log.error({}, 'last');
        process.exit(0);`;
      const node = promisify(execFile);
      const { stderr } = await node(process.execPath, ['--input-type=module', '-e', script]);
      expect(stderr).to.include('first').and.include('last');
    });
  }

  it('can be quiet', () => {
    for (const level of LEVELS) expect(quietLog[level]({}, 'test')).to.equal(undefined);
  });
});
