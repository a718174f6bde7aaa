import { expect } from 'chai';
import { readSendFailure } from '../../../src/kick/udp/send-failures.ts';

const rows: readonly { codes: readonly string[]; outcome: object }[] = [
  { codes: ['EMSGSIZE', 'EACCES', 'EINVAL', 'EAFNOSUPPORT'], outcome: { kind: 'refused' } },
  {
    codes: [
      'ENETUNREACH',
      'EHOSTUNREACH',
      'EHOSTDOWN',
      'ENETDOWN',
      'EADDRNOTAVAIL',
      'ECONNREFUSED',
    ],
    outcome: { kind: 'later', scope: 'device' },
  },
  {
    codes: ['EAGAIN', 'ENOBUFS', 'ENOMEM', 'EMFILE', 'ENFILE'],
    outcome: { kind: 'later', scope: 'provider', retryAfterMs: 1000 },
  },
  { codes: ['ESOMETHINGNEW', 'unknown'], outcome: { kind: 'later', scope: 'device' } },
];

describe('A datagram that could not be sent', () => {
  for (const { codes, outcome } of rows) {
    for (const code of codes) {
      it(`comes to ${JSON.stringify(outcome)} for ${code}`, () => {
        expect(readSendFailure(code)).to.deep.equal({ ...outcome, reason: code });
      });
    }
  }

  it('halts the provider and names the key when the machine forbids it', () => {
    const outcome = readSendFailure('EPERM');
    expect(outcome.kind === 'halted' && outcome.reason).to.match(/EPERM.*kick\.udp\.networks/);
  });
});
