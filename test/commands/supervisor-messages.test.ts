import { expect } from 'chai';
import {
  type FromRole,
  parseFromRole,
  parseToRole,
  type ToRole,
} from '../../src/commands/supervisor-messages.ts';

describe('messages between the supervisor and its roles', () => {
  const toRole: readonly ToRole[] = [
    { type: 'stop' },
    { type: 'ask', topic: 'health' },
    { type: 'ask', topic: 'status' },
    { type: 'ask', topic: 'metrics' },
  ];
  for (const message of toRole) {
    it(`bring ${JSON.stringify(message)} to a role`, () => {
      expect(parseToRole({ ...message, more: 1 })).to.deep.equal(message);
    });
  }

  const fromRole: readonly FromRole[] = [
    { type: 'ready', urls: { ws: 'ws://h/' }, ports: { 'socket.port': 1 } },
    { type: 'answer', topic: 'health', value: { ready: false, reasons: ['store: away'] } },
    { type: 'answer', topic: 'status', value: { devices: 7 } },
    { type: 'answer', topic: 'metrics', value: [{ name: 'reveille_devices' }] },
    { type: 'answer', topic: 'metrics', value: undefined },
  ];
  for (const message of fromRole) {
    it(`bring ${JSON.stringify(message)} from a role`, () => {
      expect(parseFromRole(message)).to.deep.equal(message);
    });
  }

  for (const noise of [
    undefined,
    null,
    1,
    'stop',
    [],
    { type: 'ask' },
    { type: 'ask', topic: 'keys' },
  ]) {
    it(`leave out ${JSON.stringify(noise)}`, () => {
      expect(parseToRole(noise)).to.equal(undefined);
      expect(parseFromRole(noise)).to.equal(undefined);
    });
  }

  it('take an answer of another form for none', () => {
    const answer = { type: 'answer', topic: 'health', value: { ready: 'yes', reasons: [] } };
    expect(parseFromRole(answer)).to.deep.include({ topic: 'health', value: undefined });
  });
});
