import { expect } from 'chai';
import {
  parseRetryAfter,
  RETRY_AFTER_MS_MAX,
  RETRY_AFTER_MS_MIN,
} from '../../../src/kick/fcm/retry-after.ts';

const NOW_MS = Date.parse('2027-01-15T08:00:00Z');

const cases: readonly { text: string | undefined; waitMs: number | undefined }[] = [
  { text: undefined, waitMs: undefined },
  { text: '', waitMs: undefined },
  { text: 'soon', waitMs: undefined },
  { text: '-1', waitMs: undefined },
  { text: '1.5', waitMs: undefined },
  { text: '2027-01-15T08:01:00Z', waitMs: undefined },
  { text: '30', waitMs: 30_000 },
  { text: ' 30 ', waitMs: 30_000 },
  { text: 'Fri, 15 Jan 2027 08:02:00 GMT', waitMs: 120_000 },
  { text: 'Friday, 15-Jan-27 08:02:00 GMT', waitMs: 120_000 },
  { text: 'Fri Jan 15 08:02:00 2027 GMT', waitMs: 120_000 },
  { text: 'Fri, 15 Jan 2027 07:00:00 GMT', waitMs: RETRY_AFTER_MS_MIN },
  { text: '0', waitMs: RETRY_AFTER_MS_MIN },
  { text: '1', waitMs: RETRY_AFTER_MS_MIN },
  { text: '3600', waitMs: RETRY_AFTER_MS_MAX },
  { text: '3601', waitMs: RETRY_AFTER_MS_MAX },
  { text: '9999999999', waitMs: RETRY_AFTER_MS_MAX },
  { text: '99999999999', waitMs: undefined },
  { text: 'Fri, 15 Jan 2029 08:00:00 GMT', waitMs: RETRY_AFTER_MS_MAX },
];

describe('Retry-After', () => {
  for (const { text, waitMs } of cases) {
    it(`of ${JSON.stringify(text) ?? 'an answer without it'} asks for ${waitMs ?? 'no'} ms`, () => {
      expect(parseRetryAfter(text, NOW_MS)).to.equal(waitMs);
    });
  }
});
