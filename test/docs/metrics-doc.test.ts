import { expect } from 'chai';
import { createKickPrometheus } from '../../src/admin/kick-prometheus.ts';
import { createGatePrometheus, createMailPrometheus } from '../../src/admin/mail-prometheus.ts';
import { renderMerged } from '../../src/admin/merged-metrics.ts';
import { createPrometheus } from '../../src/admin/prometheus.ts';
import { createStartPrometheus } from '../../src/admin/start-prometheus.ts';
import { createMailMetrics, WATCH_STATES } from '../../src/mailwatch/mail-metrics.ts';
import { countersOf, createMetrics, STORE_OPERATIONS } from '../../src/metrics.ts';
import { type Family, parseExposition } from '../admin/exposition.ts';
import { kickReadings } from '../admin/kick-readings.ts';
import { readPage, readText } from './pages.ts';

const OURS = /^`(reveille_\w+)`$/;
const OF_ROLES = /^reveille_role_/;
const WORD = /^`([\w-]+)`$/;

describe('METRICS.md', () => {
  const { rows, text } = readPage('METRICS.md');
  /** The rows of its lists of metrics: name, type, label, meaning. */
  const documented = rows.filter(
    ([name = '', type = '']) => OURS.test(name) && ['counter', 'gauge', 'histogram'].includes(type),
  );
  let ours: ReadonlyMap<string, Family>;

  before(async () => {
    const zero = () => 0;
    const prometheus = createPrometheus(createMetrics(), {
      devices: zero,
      sockets: zero,
      socketsBeforeHello: zero,
      sessionsAwaitingAck: zero,
      putsInHand: zero,
      ready: () => true,
    });
    const start = createStartPrometheus({
      push: { count: 0 },
      kick: { count: 0 },
      'mail-gate': { count: 0 },
      mailwatch: { count: 0 },
    });
    const kick = createKickPrometheus({
      providers: { apns: kickReadings(), fcm: kickReadings(), udp: kickReadings() },
      storeErrors: countersOf(STORE_OPERATIONS),
      ready: () => true,
    });
    const mailwatch = createMailPrometheus({
      ...createMailMetrics(),
      watches: Object.fromEntries(WATCH_STATES.map((state) => [state, zero])),
      connections: zero,
      connectionsWaiting: zero,
      leading: () => true,
      paused: () => false,
      ready: () => true,
    });
    const gate = createGatePrometheus({
      answers: countersOf(gateStatuses()),
      callsWaiting: zero,
      ready: () => true,
    });
    const roles = [
      { role: 'push', metrics: await prometheus.json() },
      { role: 'kick', metrics: await kick.json() },
      { role: 'mail-gate', metrics: await gate.json() },
      { role: 'mailwatch', metrics: await mailwatch.json() },
    ];
    const page = await renderMerged(roles, { role: 'start', metrics: await start.json() });
    const { families } = parseExposition(page);
    ours = new Map([...families].filter(([name]) => name.startsWith('reveille_')));
    for (const [name, { labels }] of ours) {
      // Every sample has it, which the page says once.
      if (!OF_ROLES.test(name)) labels.delete('role');
    }
  });

  it('lists every metric of the page, and no other', () => {
    const names = documented.map(([name = '']) => OURS.exec(name)?.[1]);
    expect(names).to.have.members([...ours.keys()]);
  });

  it('tells the type and the label of each', () => {
    for (const [name = '', type = '', label = ''] of documented) {
      const family = ours.get(OURS.exec(name)?.[1] ?? '');
      expect(type, name).to.equal(family?.type);
      const labels = [...(family?.labels.keys() ?? [])].map((one) => `\`${one}\``);
      if (type !== 'histogram') expect(label, name).to.equal(labels.join(', '));
    }
  });

  it('explains every value of a label', () => {
    const values = [...ours.values()].flatMap(({ labels }) =>
      [...labels.values()].flatMap((set) => [...set]),
    );
    expect(values.filter((value) => !text.includes(`\`${value}\``))).to.deep.equal([]);
  });

  it('explains no value that a label does not have', () => {
    const values = new Set(
      [...ours.values()].flatMap(({ labels }) => [...labels.values()].flatMap((set) => [...set])),
    );
    const explained = rows
      .map(([first = '']) => WORD.exec(first)?.[1] ?? '')
      .filter((word) => word !== '' && !/^(?:reveille|process|nodejs)_/.test(word));
    expect(explained.length).to.be.greaterThan(20);
    expect(explained.filter((word) => !values.has(word))).to.deep.equal([]);
  });
});

/** The statuses that the gate's role counts; they are no export, since nobody else needs them. */
function gateStatuses(): readonly string[] {
  const [, list = ''] =
    /const STATUSES = \[(.*?)\]/s.exec(readText('src/commands/mail-gate-role.ts')) ?? [];
  return [...list.matchAll(/'(\d{3})'/g)].map(([, status = '']) => status);
}
