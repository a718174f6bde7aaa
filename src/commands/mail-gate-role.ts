/** The mail gate put together: a listener and an RPC client. Nothing that it imports knows storage, keys, providers or mail. */
import { BlockList, isIP } from 'node:net';
import { createGatePrometheus } from '../admin/mail-prometheus.ts';
import { loadTlsMaterial } from '../config/tls-material.ts';
import { listenForRegistrations } from '../mailwatch/gate/gate-listener.ts';
import { createRoutes } from '../mailwatch/gate/routes.ts';
import { createThrottle } from '../mailwatch/gate/throttle.ts';
import { createRpcClient } from '../mailwatch/rpc/client.ts';
import { countersOf } from '../metrics.ts';
import { rpcAddressOf, rpcLimitsOf } from './mail-rpc.ts';
import { type OpenRole, RefusedConfigError, type RoleDeps } from './role.ts';
import { origin } from './urls.ts';

/** Every status that the gate answers with. */
const STATUSES = [
  '200',
  '204',
  '400',
  '401',
  '404',
  '405',
  '413',
  '415',
  '429',
  '500',
  '503',
] as const;
/** How often the backend is asked whether it is there. */
const ALIVE_INTERVAL_MS = 2000;

/** Where devices register mailboxes. */
export const openMailGateRole: OpenRole = async (deps) => {
  const { config, log, clock } = deps;
  const { mailgate } = config;
  const tls = await loadTls(deps);
  const address = await rpcAddressOf(mailgate, 'mailgate');
  const rpc = createRpcClient(address, rpcLimitsOf(mailgate), clock);
  const answers = countersOf(STATUSES);
  const proxies = blockListOf(mailgate.trustedProxies);
  const listener = await listenForRegistrations(
    { ...mailgate, tls },
    {
      findRoute: createRoutes({ backend: rpc.backend, retryAfterMs: mailgate.retryAfterMs }),
      throttle: createThrottle(
        { perMinute: mailgate.requestsPerMinuteMax, addressesMax: mailgate.addressesMax },
        clock,
      ),
      isTrustedProxy: (hop) =>
        isIP(hop) !== 0 && proxies.check(hop, isIP(hop) === 4 ? 'ipv4' : 'ipv6'),
      onAnswer: (status) => {
        const counter = answers[String(status) as (typeof STATUSES)[number]];
        if (counter !== undefined) counter.count++;
      },
      log,
    },
  );
  let problem: string | undefined;
  const ask = async () => {
    try {
      const alive = await rpc.backend.alive({});
      problem = alive.ok ? undefined : 'the mail watch stands by';
    } catch (error) {
      problem = error instanceof Error ? error.message : 'the mail watch does not answer';
    }
  };
  await ask();
  const stopAsking = clock.every(ALIVE_INTERVAL_MS, () => void ask());
  let isDraining = false;
  const health = () => {
    const reasons = [
      ...(isDraining ? ['the gate is shutting down'] : []),
      ...(problem === undefined ? [] : [problem]),
    ];
    return { ready: reasons.length === 0, reasons };
  };
  const prometheus = createGatePrometheus({
    answers,
    callsWaiting: () => rpc.inFlight,
    ready: () => health().ready,
  });
  const mail = `${origin(tls === undefined ? 'http' : 'https', mailgate.host, listener.port)}/`;
  return {
    urls: { mail },
    ports: { 'mailgate.port': listener.port },
    health,
    status: () => ({ ...health(), callsWaiting: rpc.inFlight }),
    metrics: () => prometheus.json(),
    async stop() {
      isDraining = true;
      stopAsking();
      await listener.close();
      rpc.close();
      return true;
    },
  };
};

async function loadTls({ config, log, clock }: RoleDeps) {
  const loaded = await loadTlsMaterial('mailgate', config, clock.nowMs());
  if (!loaded.ok) throw new RefusedConfigError(loaded.problems);
  for (const warning of loaded.warnings) log.warn({ warning }, 'tls.doubtful');
  return loaded.material && { ...loaded.material, minVersion: config.mailgate.tlsMinVersion };
}

/** Their form was checked with the config. */
function blockListOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}
