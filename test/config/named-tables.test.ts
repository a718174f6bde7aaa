import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { loadConfig } from '../../src/config/config.ts';
import { renderManual } from '../../src/config/manual.ts';
import { configOf, problemsOf } from './load.ts';

const APPS_MAX = 32;
const MEMBERS = 'team_id = "A1B2C3D4E5"\nkey_id = "F6G7H8I9J0"\nkey_path = "key.p8"';

/** A table of that name with what must be given. */
function app(name: string, topic = `com.example.${name}`): string {
  return `[kick.apns.apps.${name}]\ntopic = "${topic}"\n${MEMBERS}\n`;
}

function apps(count: number): string {
  return Array.from({ length: count }, (_, index) => app(`app-${index}`)).join('');
}

describe('named tables', () => {
  it('are none by default', () => {
    expect(configOf('').kick.apns.apps).to.deep.equal({});
  });

  it('take what is written and the defaults for the rest', () => {
    expect(configOf(app('chat')).kick.apns.apps).to.deep.equal({
      chat: {
        topic: 'com.example.chat',
        teamId: 'A1B2C3D4E5',
        keyId: 'F6G7H8I9J0',
        keyPath: resolve('key.p8'),
        host: 'production',
        pushType: 'background',
        alertTitle: '',
        alertBody: '',
        sendsUpdate: false,
        ttlSecs: 2_592_000,
      },
    });
  });

  it('keep the names that the operator gave', () => {
    const names = ['chat-2', 'constructor', '2'];
    const config = configOf(names.map((name) => app(name)).join(''));
    expect(Object.keys(config.kick.apns.apps)).to.have.members(names);
  });

  it('have paths relative to the folder of the file', () => {
    const loaded = loadConfig({ path: '/etc/reveille/config.toml', text: app('chat'), env: {} });
    const chat = loaded.ok ? loaded.config.kick.apns.apps['chat'] : undefined;
    expect(chat?.keyPath).to.equal(join('/etc/reveille', 'key.p8'));
  });

  it('are frozen', () => {
    const { apps: frozen } = configOf(app('chat')).kick.apns;
    expect(Object.isFrozen(frozen)).to.equal(true);
    expect(Object.isFrozen(frozen['chat'])).to.equal(true);
  });

  it(`may be ${APPS_MAX}, and no more`, () => {
    expect(Object.keys(configOf(apps(APPS_MAX)).kick.apns.apps)).to.have.lengthOf(APPS_MAX);
    expect(problemsOf(apps(APPS_MAX + 1))).to.deep.equal([
      { key: 'kick.apns.apps', expected: `at most ${APPS_MAX} tables` },
    ]);
  });

  for (const name of ['"Chat"', 'a_b', '"a.b"', '""', '"__proto__"', 'a'.repeat(33)]) {
    it(`are refused under the name ${name}`, () => {
      const expected = 'a name of 1 to 32 small letters, digits and dashes';
      const key = `kick.apns.apps.${name.replaceAll('"', '')}`;
      expect(problemsOf(app(name, 'com.example.chat'))).to.deep.equal([{ key, expected }]);
    });
  }

  it('are refused without what must be given', () => {
    const problems = problemsOf('[kick.apns.apps.chat]\ntopic = "com.example.chat"');
    expect(problems.map(({ key, found }) => ({ key, found }))).to.have.deep.members([
      { key: 'kick.apns.apps.chat.team_id', found: 'nothing' },
      { key: 'kick.apns.apps.chat.key_id', found: 'nothing' },
      { key: 'kick.apns.apps.chat.key_path', found: 'nothing' },
    ]);
  });

  it('are refused with a value that its form does not allow', () => {
    expect(problemsOf(`${app('chat')}push_type = "loud"\nttl_secs = 2_592_001`)).to.deep.equal([
      {
        key: 'kick.apns.apps.chat.push_type',
        expected: '"background" or "alert"',
        found: '"loud"',
      },
      {
        key: 'kick.apns.apps.chat.ttl_secs',
        expected: 'an integer from 0 to 2_592_000',
        found: '2_592_001',
      },
    ]);
  });

  it('are refused where something else stands', () => {
    expect(problemsOf('kick.apns.apps = 3')).to.deep.equal([
      { key: 'kick.apns.apps', expected: `at most ${APPS_MAX} tables` },
    ]);
    expect(problemsOf('kick.apns.apps.chat = "secret"')).to.deep.equal([
      { key: 'kick.apns.apps.chat', expected: 'a table' },
    ]);
  });

  it('are refused with an unknown key, and with what was meant', () => {
    expect(problemsOf(`${app('chat')}titel = "x"\nalert_titel = "x"`)).to.deep.equal([
      { key: 'kick.apns.apps.chat.titel', expected: 'a known key' },
      {
        key: 'kick.apns.apps.chat.alert_titel',
        expected: 'a known key (did you mean kick.apns.apps.chat.alert_title?)',
      },
    ]);
  });

  it('have no variables, which is said', () => {
    expect(problemsOf('', { REVEILLE__KICK__APNS__APPS__CHAT__TOPIC: 'x' })).to.deep.equal([
      {
        key: 'REVEILLE__KICK__APNS__APPS__CHAT__TOPIC',
        expected: 'no variable: [kick.apns.apps.…] stands in the file alone',
      },
    ]);
  });

  it('stand in the manual as an example that is valid once it is uncommented', () => {
    const uncommented = renderManual().replace(/^#(?=[a-z[])/gm, '');
    const example = configOf(uncommented).kick.apns.apps['chat'];
    expect(example?.topic).to.equal('com.example.chat');
    expect(Object.keys(configOf(renderManual()).kick.apns.apps)).to.deep.equal([]);
  });
});
