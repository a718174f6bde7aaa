import { expect } from 'chai';
import { createMetrics, type Metrics } from '../../src/metrics.ts';
import { originOf } from '../../src/origin.ts';
import { Admission, type AdmissionLimits } from '../../src/socket/admission.ts';
import { HandClock } from '../storage/hand-clock.ts';

const ROOMY: AdmissionLimits = {
  socketsMax: 100,
  socketsBeforeHelloMax: 100,
  socketsPerAddressMax: 100,
  connectsPerSecondMax: 100,
};

describe('Admission', () => {
  let clock: HandClock;
  let metrics: Metrics;
  let waitingForHello: number;

  beforeEach(() => {
    clock = new HandClock();
    metrics = createMetrics();
    waitingForHello = 0;
  });

  const admissionWith = (limits: Partial<AdmissionLimits>) =>
    new Admission({
      limits: { ...ROOMY, ...limits },
      waitingForHello: () => waitingForHello,
      clock,
      metrics,
    });

  it('lets in as many sockets as there may be, and again when one leaves', () => {
    const admission = admissionWith({ socketsMax: 2 });
    expect([admission.enter(1), admission.enter(2), admission.enter(3)]).to.deep.equal([
      undefined,
      undefined,
      'full',
    ]);
    expect(admission.open).to.equal(2);
    admission.leave(1);
    expect(admission.enter(3)).to.equal(undefined);
  });

  it('lets in as many sockets of one address, and more of others', () => {
    const admission = admissionWith({ socketsPerAddressMax: 2 });
    expect([1, 1, 1, 2].map((origin) => admission.enter(origin))).to.deep.equal([
      undefined,
      undefined,
      'address',
      undefined,
    ]);
    admission.leave(1);
    expect(admission.enter(1)).to.equal(undefined);
  });

  it('lets in as many sockets a second, and as many in the next', () => {
    const admission = admissionWith({ connectsPerSecondMax: 2 });
    expect([1, 2, 3].map((origin) => admission.enter(origin))).to.deep.equal([
      undefined,
      undefined,
      'rate',
    ]);
    clock.moveMs(1000);
    expect([1, 2, 3].map((origin) => admission.enter(origin))).to.deep.equal([
      undefined,
      undefined,
      'rate',
    ]);
  });

  it('lets in nobody while too many have not said hello', () => {
    const admission = admissionWith({ socketsBeforeHelloMax: 2 });
    waitingForHello = 1;
    expect(admission.enter(1)).to.equal(undefined);
    waitingForHello = 2;
    expect(admission.enter(1)).to.equal('before_hello');
  });

  it('lets in nobody once shut', () => {
    const admission = admissionWith({});
    admission.shut();
    expect(admission.enter(1)).to.equal('draining');
  });

  it('counts refusals by their reason, and none of them as open', () => {
    const admission = admissionWith({ socketsMax: 1 });
    admission.enter(1);
    admission.enter(1);
    expect(admission.refuseOrigin()).to.equal('origin');
    expect(metrics.socketsRefused.full.count).to.equal(1);
    expect(metrics.socketsRefused.origin.count).to.equal(1);
    expect(admission.open).to.equal(1);
  });
});

describe('originOf', () => {
  const loopback = 0x7f00_0001;
  const addresses: readonly { title: string; hex: string; origin: number | string }[] = [
    { title: 'IPv4', hex: '7f000001', origin: loopback },
    { title: 'IPv4 in IPv6', hex: '00000000000000000000ffff7f000001', origin: loopback },
    { title: 'IPv6', hex: '20010db8000000010000000000000002', origin: '20010db800000001' },
    { title: 'no address', hex: '', origin: 0 },
  ];
  for (const { title, hex, origin } of addresses) {
    it(`reads ${title}`, () => {
      expect(originOf(Buffer.from(hex, 'hex'))).to.equal(origin);
    });
  }

  it('takes two addresses of one /64 for one, and of two for two', () => {
    const [one, neighbour, stranger] = [
      '20010db8000000010000000000000002',
      '20010db800000001ffffffffffffffff',
      '20010db8000000020000000000000002',
    ].map((hex) => originOf(Buffer.from(hex, 'hex')));
    expect(one).to.equal(neighbour);
    expect(one).not.to.equal(stranger);
  });

  it('reads a view into a larger buffer', () => {
    expect(originOf(Buffer.from('ff7f000001ff', 'hex').subarray(1, 5))).to.equal(loopback);
  });
});
