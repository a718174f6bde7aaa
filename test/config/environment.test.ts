import { expect } from 'chai';
import { CONFIG_KEYS, variableOf } from '../../src/config/schema.ts';
import { tomlText } from '../../src/config/value-text.ts';
import { configOf, problemsOf } from './load.ts';

describe('environment', () => {
  const overrides = [
    { variable: 'REVEILLE__SOCKET__PORT', text: '9000', value: 9000, of: 'socket.port' },
    { variable: 'REVEILLE__SOCKET__PORT', text: '9_000', value: 9000, of: 'socket.port' },
    { variable: 'REVEILLE__ENDPOINT__CORS', text: 'true', value: true, of: 'endpoint.cors' },
    { variable: 'REVEILLE__LOG__LEVEL', text: 'debug', value: 'debug', of: 'log.level' },
    { variable: 'REVEILLE__LOG__LEVEL', text: '"debug"', value: 'debug', of: 'log.level' },
    { variable: 'REVEILLE__SOCKET__HOST', text: '::1', value: '::1', of: 'socket.host' },
    {
      variable: 'REVEILLE__STORAGE__MEMCACHED__SERVERS',
      text: '["a:1", "[::1]:2"]',
      value: ['a:1', '[::1]:2'],
      of: 'storage.memcached.servers',
    },
    { variable: 'REVEILLE__SOCKET__ORIGINS', text: '[]', value: [], of: 'socket.origins' },
    {
      variable: 'REVEILLE__TOKENS__KEY_PATH',
      text: '/run/key "of" push',
      value: '/run/key "of" push',
      of: 'tokens.keyPath',
    },
  ];
  for (const { variable, text, value, of } of overrides) {
    it(`overrides a key: ${variable}=${text}`, () => {
      expect(configOf('', { [variable]: text })).to.have.deep.nested.property(of, value);
    });
  }

  it('wins over the file', () => {
    const { socket } = configOf('[socket]\nport = 1\npath = "/push"', {
      REVEILLE__SOCKET__PORT: '2',
    });
    expect(socket).to.include({ port: 2, path: '/push' });
  });

  it('can say every key', () => {
    const env = Object.fromEntries(
      CONFIG_KEYS.map(({ path, schema }) => [variableOf(path), tomlText(schema.default)]),
    );
    expect(configOf('', env)).to.deep.equal(configOf(''));
  });

  it('is ignored where no name begins with REVEILLE__', () => {
    expect(problemsOf('', { PATH: '/bin', REVEILLE_HOME: '/', reveille__x: '1' })).to.deep.equal(
      [],
    );
  });

  it('is named by the problem when it set the value', () => {
    expect(problemsOf('socket.port = 1', { REVEILLE__SOCKET__PORT: 'one' })).to.deep.equal([
      {
        key: 'REVEILLE__SOCKET__PORT',
        expected: 'an integer from 0 to 65_535',
        found: '"one"',
      },
    ]);
  });

  it('is named by the problem of a combination, and of one element of a list', () => {
    const env = { REVEILLE__SHUTDOWN__DEADLINE_MS: '5', REVEILLE__SOCKET__ORIGINS: '["x"]' };
    expect(problemsOf('', env).map(({ key }) => key)).to.deep.equal([
      'REVEILLE__SOCKET__ORIGINS[0]',
      'REVEILLE__SHUTDOWN__DEADLINE_MS',
    ]);
  });

  it('leaves a file whose section is no table to be refused', () => {
    expect(problemsOf('socket = 3', { REVEILLE__SOCKET__PORT: '1' })).to.deep.equal([
      { key: 'socket', expected: 'a table' },
    ]);
  });

  for (const text of ['', ' ', '1\nother = 2', '"1"', '[1']) {
    it(`refuses ${JSON.stringify(text)} for an integer`, () => {
      expect(problemsOf('', { REVEILLE__SOCKET__PORT: text })).to.have.lengthOf(1);
    });
  }

  const unknown = [
    { variable: 'REVEILLE__SOCKET__PROT', meant: 'REVEILLE__SOCKET__PORT' },
    { variable: 'REVEILLE__SOKCET__PORT', meant: 'REVEILLE__SOCKET__PORT' },
    { variable: 'REVEILLE__MEMCACHED__SERVERS', meant: 'REVEILLE__STORAGE__MEMCACHED__SERVERS' },
    { variable: 'REVEILLE__SOCKET', meant: undefined },
    { variable: 'REVEILLE__', meant: undefined },
    { variable: 'REVEILLE__SOCKET__COLOUR', meant: undefined },
  ];
  for (const { variable, meant } of unknown) {
    it(`refuses ${variable}, ${meant ? 'with' : 'without'} a guess`, () => {
      const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
      expect(problemsOf('', { [variable]: '1' })).to.deep.equal([
        { key: variable, expected: `the variable of a known key${hint}` },
      ]);
    });
  }
});
