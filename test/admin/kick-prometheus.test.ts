import { expect } from 'chai';
import { createKickPrometheus } from '../../src/admin/kick-prometheus.ts';
import { countersOf, STORE_OPERATIONS } from '../../src/metrics.ts';
import { parseExposition } from './exposition.ts';
import { kickReadings } from './kick-readings.ts';

describe('the metrics page of the kick role', () => {
  const page = async (readings: Partial<ReturnType<typeof kickReadings>> = {}) => {
    const prometheus = createKickPrometheus({
      providers: { apns: kickReadings(), fcm: { ...kickReadings(), ...readings } },
      storeErrors: countersOf(STORE_OPERATIONS),
      ready: () => true,
    });
    return parseExposition(await prometheus.render());
  };

  it('can be read to its last line, and explains each metric', async () => {
    const { families } = await page();
    const ours = [...families].filter(([name]) => name.startsWith('reveille_'));
    expect(ours.length).to.be.greaterThan(10);
    for (const [name, { type, help }] of ours) {
      expect(type, name).to.be.oneOf(['counter', 'gauge', 'histogram']);
      expect(help, name).not.to.equal('');
    }
  });

  it('counts for each provider apart', async () => {
    const readings = kickReadings();
    const { woken } = readings.wakes;
    if (woken) woken.count = 3;
    const { samples } = await page(readings);
    const of = (provider: string) =>
      samples.get(`reveille_kick_wakes_total{provider="${provider}",outcome="woken"}`);
    expect({ apns: of('apns'), fcm: of('fcm') }).to.deep.equal({ apns: 0, fcm: 3 });
  });

  it('reads the gauges', async () => {
    const { samples } = await page({
      inHand: () => 5,
      oldestReadyMs: () => 2500,
      queueEntries: { ready: () => 6, dead: () => 7 },
      breaker: { closed: () => 0, open: () => 1 },
      halted: () => true,
    });
    const read = {
      inHand: samples.get('reveille_kick_in_hand{provider="fcm"}'),
      oldest: samples.get('reveille_kick_queue_oldest_seconds{provider="fcm"}'),
      ready: samples.get('reveille_kick_queue_entries{provider="fcm",place="ready"}'),
      dead: samples.get('reveille_kick_queue_entries{provider="fcm",place="dead"}'),
      open: samples.get('reveille_kick_breaker{provider="fcm",state="open"}'),
      halted: samples.get('reveille_kick_halted{provider="fcm"}'),
      apnsHalted: samples.get('reveille_kick_halted{provider="apns"}'),
    };
    expect(read).to.deep.equal({
      inHand: 5,
      oldest: 2.5,
      ready: 6,
      dead: 7,
      open: 1,
      halted: 1,
      apnsHalted: 0,
    });
  });

  it('shows how long wake-ups took, in seconds', async () => {
    const readings = kickReadings();
    readings.wakeLatency.observe(300);
    const { samples } = await page(readings);
    const bucket = (le: string) =>
      samples.get(`reveille_kick_wake_latency_seconds_bucket{provider="fcm",le="${le}"}`);
    expect([bucket('0.25'), bucket('0.5'), bucket('+Inf')]).to.deep.equal([0, 1, 1]);
  });
});
