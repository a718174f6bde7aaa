/** What watches need of the world, each with its bounds from the config. */
import { type AskExchange, createAskExchange } from '../mailwatch/activesync.ts';
import { type Network, parseNetwork } from '../mailwatch/egress/addresses.ts';
import { resolveByDns } from '../mailwatch/egress/resolve.ts';
import { createEgress, type Egress } from '../mailwatch/egress.ts';
import { createOpenMail } from '../mailwatch/imap.ts';
import { createMailMetrics, type MailMetrics } from '../mailwatch/mail-metrics.ts';
import type { OpenMail } from '../mailwatch/mailbox.ts';
import { createNotifier, type Notifier } from '../mailwatch/notifier.ts';
import { createPool, type Pool } from '../mailwatch/pool.ts';
import { Alarms } from '../mailwatch/watcher/alarms.ts';
import type { RoleDeps } from './role.ts';

/** What the watches of every account share. */
export interface Parts {
  readonly metrics: MailMetrics;
  readonly alarms: Alarms;
  readonly pool: Pool;
  readonly egress: Egress;
  readonly notifier: Notifier;
  readonly open: OpenMail;
  readonly ask: AskExchange;
}

/** `ca` is the PEM of authorities beside the system's. */
export function createParts(
  { config, clock }: RoleDeps,
  { ca }: { ca: string | undefined },
): Parts {
  const { mailwatch } = config;
  const metrics = createMailMetrics();
  const alarms = new Alarms(clock);
  const open = createOpenMail({
    commandMsMax: mailwatch.commandTimeoutMs,
    responseBytesMax: mailwatch.responseBytesMax,
    ca,
    wait: (waitMs, signal) => alarms.wait(waitMs, signal),
    clock,
  });
  const ask = createAskExchange({
    stepMsMax: mailwatch.commandTimeoutMs,
    ca,
    wait: (waitMs, signal) => alarms.wait(waitMs, signal),
    clock,
  });
  return {
    metrics,
    alarms,
    pool: createPool(
      {
        connectionsMax: mailwatch.connectionsMax,
        connectionsPerHostMax: mailwatch.connectionsPerHostMax,
        loginsPerHostPerSecond: mailwatch.loginsPerHostPerSecondMax,
        loginsPerSecond: mailwatch.loginsPerSecondMax,
      },
      clock,
    ),
    egress: createEgress({
      rules: {
        allowedNetworks: networksOf(mailwatch.allowedNetworks),
        ports: mailwatch.allowedPorts.map(Number),
        resolveMsMax: mailwatch.resolveTimeoutMs,
      },
      resolve: resolveByDns,
    }),
    notifier: createNotifier({
      endpointBases: mailwatch.endpointBases,
      putMsMax: mailwatch.putTimeoutMs,
    }),
    open: async (target, signal) => {
      const opened = await open(target, signal);
      metrics.openings[opened.ok ? 'opened' : opened.failure.kind].count++;
      return opened;
    },
    ask: async (exchange, signal) => {
      const outcome = await ask(exchange, signal);
      // What we let go of says nothing of the server.
      if (signal.aborted) return outcome;
      metrics.openings[outcome.kind === 'failed' ? outcome.failure.kind : 'opened'].count++;
      return outcome;
    },
  };
}

/** Their form was checked with the config. */
function networksOf(texts: readonly string[]): readonly Network[] {
  return texts.flatMap((text) => parseNetwork(text) ?? []);
}
