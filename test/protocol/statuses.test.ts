import { expect } from 'chai';
import { ENDPOINT_ANSWERS, ERROR_TEXTS } from '../../src/protocol/statuses.ts';

describe('statuses', () => {
  it('keep the error texts that existing test suites expect', () => {
    expect(ERROR_TEXTS).to.deep.equal({
      401: 'Invalid Command',
      429: 'Too Many Requests',
      500: 'Internal Server Error',
      503: 'Service Unavailable',
    });
  });

  const statuses: Readonly<Record<keyof typeof ENDPOINT_ANSWERS, number>> = {
    delivered: 200,
    stored: 202,
    invalidVersion: 400,
    invalidBody: 400,
    invalidToken: 404,
    notFound: 404,
    methodNotAllowed: 405,
    gone: 410,
    dataTooLong: 413,
    bodyTooLarge: 413,
    tooManyRequests: 429,
    options: 200,
    unavailable: 503,
  };
  for (const [answer, { status, body }] of Object.entries(ENDPOINT_ANSWERS)) {
    it(`answer ${answer} with its status and a JSON text`, () => {
      expect(statuses).to.have.property(answer, status);
      if (body !== '') expect(JSON.parse(body)).to.satisfy(isObjectOrText);
    });
  }
});

function isObjectOrText(value: unknown): boolean {
  return typeof value === 'string' || (typeof value === 'object' && value !== null);
}
