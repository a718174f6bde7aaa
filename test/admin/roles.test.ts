import { expect } from 'chai';
import { createMetricsPage } from '../../src/admin/registry.ts';
import { createRolesAdmin, type RoleVoice } from '../../src/admin/roles.ts';
import { Histogram } from '../../src/metrics.ts';
import { parseExposition } from './exposition.ts';

const VERSION = { name: 'reveille', version: '1.2.3' };

const voice = (name: string, parts: Partial<RoleVoice> = {}): RoleVoice => ({
  name,
  health: async () => ({ ready: true, reasons: [] }),
  status: async () => ({ ready: true }),
  metrics: async () => [],
  ...parts,
});

describe('what operators are told of all roles', () => {
  it('is that all are ready', async () => {
    const { health } = createRolesAdmin({
      roles: [voice('push'), voice('kick')],
      version: VERSION,
    });
    expect(await health()).to.deep.equal({ ready: true, reasons: [] });
  });

  it('is which role is not ready, and why', async () => {
    const kick = voice('kick', {
      health: async () => ({ ready: false, reasons: ['queue: full', 'store: away'] }),
    });
    const { health } = createRolesAdmin({ roles: [voice('push'), kick], version: VERSION });
    expect(await health()).to.deep.equal({
      ready: false,
      reasons: ['kick: queue: full', 'kick: store: away'],
    });
  });

  it('is the state of each', async () => {
    const push = voice('push', { status: async () => ({ devices: 7 }) });
    const { status } = createRolesAdmin({ roles: [push, voice('kick')], version: VERSION });
    const report = await status();
    expect(report).to.deep.include({
      ...VERSION,
      ready: true,
      reasons: [],
      roles: { push: { devices: 7 }, kick: { ready: true } },
    });
    expect(report).to.include.keys('uptimeSecs', 'memory');
  });

  describe('on the page of metrics', () => {
    const pageOf = (devices: number) => {
      const page = createMetricsPage();
      page.gauge('reveille_ready', 'Ready.', () => devices);
      page.counters('reveille_frames_total', 'Frames.', 'type', { ack: { count: devices } });
      page.histogram('reveille_put_duration_seconds', 'Durations.', new Histogram([1]));
      page.gauge('reveille_odd', 'Not a number.', () => Number.NaN);
      return page;
    };
    const withPage = (name: string, devices: number) =>
      voice(name, { metrics: () => pageOf(devices).json() });
    const render = async (roles: readonly RoleVoice[]) => {
      const own = createMetricsPage();
      own.counters('reveille_role_restarts_total', 'Restarts.', 'role', { push: { count: 3 } });
      const teller = { name: 'start', metrics: () => own.json() };
      const { prometheus } = createRolesAdmin({ roles, version: VERSION, own: teller });
      return parseExposition(await prometheus.render());
    };

    it('are the metrics of each role, and who tells them', async () => {
      const { samples, families } = await render([withPage('push', 1), withPage('kick', 2)]);
      expect(samples.get('reveille_ready{role="push"}')).to.equal(1);
      expect(samples.get('reveille_ready{role="kick"}')).to.equal(2);
      expect(samples.get('reveille_frames_total{type="ack",role="kick"}')).to.equal(2);
      expect(samples.get('reveille_odd{role="kick"}')).to.be.NaN;
      const bucket = 'reveille_put_duration_seconds_bucket{le="+Inf",role="push"}';
      expect(samples.get(bucket)).to.equal(0);
      expect(families.get('reveille_frames_total')).to.include({
        type: 'counter',
        help: 'Frames.',
      });
      expect([
        ...(families.get('process_start_time_seconds')?.labels.get('role') ?? []),
      ]).to.have.members(['start', 'push', 'kick']);
    });

    it('is which role it is of when a metric says that itself', async () => {
      const { samples } = await render([withPage('push', 1)]);
      expect(samples.get('reveille_role_restarts_total{role="push"}')).to.equal(3);
    });

    it('is which roles answered', async () => {
      const silent = voice('kick', { metrics: async () => undefined });
      const { samples } = await render([withPage('push', 1), silent]);
      expect(samples.get('reveille_role_up{role="push"}')).to.equal(1);
      expect(samples.get('reveille_role_up{role="kick"}')).to.equal(0);
      expect(samples.has('reveille_ready{role="kick"}')).to.equal(false);
    });
  });
});
