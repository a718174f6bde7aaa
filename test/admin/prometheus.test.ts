import { expect } from 'chai';
import { createPrometheus, type Gauges } from '../../src/admin/prometheus.ts';
import { createMetrics, type Metrics } from '../../src/metrics.ts';
import { putStatus } from '../support/put.ts';
import { openTestServer } from '../support/server.ts';
import { subscribe } from '../support/subscription.ts';
import { parseExposition } from './exposition.ts';

const GAUGES: Gauges = {
  devices: () => 1,
  sockets: () => 2,
  socketsBeforeHello: () => 3,
  sessionsAwaitingAck: () => 4,
  putsInHand: () => 5,
  ready: () => true,
};

describe('the metrics page', () => {
  let metrics: Metrics;

  beforeEach(() => {
    metrics = createMetrics();
  });

  const render = async () =>
    parseExposition(await createPrometheus(metrics, GAUGES).render()).samples;

  it('can be read to its last line, and explains each metric', async () => {
    const page = parseExposition(await createPrometheus(metrics, GAUGES).render());
    expect(page.families.size).to.be.greaterThan(20);
    for (const [name, { type, help }] of page.families) {
      expect(type, name).to.be.oneOf(['counter', 'gauge', 'histogram']);
      expect(help, name).not.to.equal('');
    }
  });

  it('gives what is counted at the moment it is asked', async () => {
    const prometheus = createPrometheus(metrics, GAUGES);
    metrics.socketsOpened.count = 7;
    metrics.hellos.kept.count = 3;
    await prometheus.render();
    metrics.hellos.kept.count = 4;
    const { samples } = parseExposition(await prometheus.render());
    expect(samples.get('reveille_sockets_opened_total')).to.equal(7);
    expect(samples.get('reveille_hellos_total{outcome="kept"}')).to.equal(4);
    expect(samples.get('reveille_hellos_total{outcome="new"}')).to.equal(0);
  });

  it('reads the gauges', async () => {
    const samples = await render();
    expect(samples.get('reveille_devices')).to.equal(1);
    expect(samples.get('reveille_sockets')).to.equal(2);
    expect(samples.get('reveille_sockets_before_hello')).to.equal(3);
    expect(samples.get('reveille_sessions_awaiting_ack')).to.equal(4);
    expect(samples.get('reveille_puts_in_hand')).to.equal(5);
    expect(samples.get('reveille_ready')).to.equal(1);
  });

  it('gives durations in seconds, each bucket with those below it', async () => {
    for (const durationMs of [0.1, 0.2, 30, 20_000]) metrics.putDuration.observe(durationMs);
    const samples = await render();
    const bucket = (le: string) => samples.get(`reveille_put_duration_seconds_bucket{le="${le}"}`);
    expect(['0.0001', '0.00025', '0.025', '0.05', '10', '+Inf'].map(bucket)).to.deep.equal([
      1, 2, 2, 3, 3, 4,
    ]);
    expect(samples.get('reveille_put_duration_seconds_count')).to.equal(4);
    expect(samples.get('reveille_put_duration_seconds_sum')).to.be.closeTo(20.0303, 1e-9);
  });

  it('of a server counts what happened to it', async () => {
    await using server = await openTestServer();
    const { device, channelID, endpoint } = await subscribe(server);
    await putStatus(endpoint, { version: 1 });
    await putStatus(endpoint, { version: 'x' });
    device.send({ messageType: 'ack', updates: [{ channelID, version: 1 }] });
    await device.ping();
    const response = await fetch(`${server.urls.admin}metrics`);
    expect(response.headers.get('content-type')).to.match(/^text\/plain; version=0\.0\.4/);
    const { samples } = parseExposition(await response.text());
    const expected = {
      reveille_devices: 1,
      reveille_sockets: 1,
      reveille_sockets_opened_total: 1,
      'reveille_hellos_total{outcome="new"}': 1,
      'reveille_frames_total{type="register"}': 1,
      'reveille_frames_total{type="ack"}': 1,
      'reveille_puts_total{answer="delivered"}': 1,
      'reveille_puts_total{answer="invalidVersion"}': 1,
      reveille_put_duration_seconds_count: 2,
      reveille_updates_sent_total: 1,
      reveille_updates_acked_total: 1,
      reveille_token_cache_misses_total: 1,
      reveille_token_cache_hits_total: 1,
      reveille_ready: 1,
      reveille_role_up: 1,
    };
    for (const [name, value] of Object.entries(expected)) {
      const sample = name.endsWith('}')
        ? name.replace('}', ',role="push"}')
        : `${name}{role="push"}`;
      expect(samples.get(sample), sample).to.equal(value);
    }
  });
});
