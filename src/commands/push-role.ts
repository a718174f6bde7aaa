import type { Config } from '../config/config.ts';
import { loadTlsMaterial } from '../config/tls-material.ts';
import { loadTokenKeys } from '../config/token-keys.ts';
import type { Log } from '../log.ts';
import { keepNurserySmall } from './heap-tuning.ts';
import { closeKickQueues, type KickQueues, openKickQueues } from './open-queues.ts';
import { openStore } from './open-store.ts';
import { openPushServer, type PushServerDeps } from './push-server.ts';
import { type OpenRole, RefusedConfigError } from './role.ts';

/** Devices and app servers: token keys and certificates, the store, the queues of kicks, and the two public listeners. */
export const openPushRole: OpenRole = async ({ config, log, clock }) => {
  keepNurserySmall();
  const secrets = await readSecrets(config, log, clock.nowMs());
  const store = await openStore(config, clock, log);
  let kickQueues: KickQueues = {};
  try {
    kickQueues = await openKickQueues(config, log, clock);
    const server = await openPushServer({ ...secrets, config, log, clock, store, kickQueues });
    return {
      ...server,
      async stop() {
        const inTime = await server.stop();
        await closeKickQueues(kickQueues);
        return inTime;
      },
    };
  } catch (error) {
    await store.close();
    await closeKickQueues(kickQueues);
    throw error;
  }
};

/** Reads the files that the config names. The key file is made when there is none. */
async function readSecrets(
  config: Config,
  log: Log,
  nowMs: number,
): Promise<Pick<PushServerDeps, 'keys' | 'tls'>> {
  const [keys, socket, endpoint] = await Promise.all([
    loadTokenKeys(config.tokens),
    loadTlsMaterial('socket', config, nowMs),
    loadTlsMaterial('endpoint', config, nowMs),
  ]);
  if (!keys.ok || !socket.ok || !endpoint.ok) {
    throw new RefusedConfigError([
      ...(keys.ok ? [] : [keys.problem]),
      ...(socket.ok ? [] : socket.problems),
      ...(endpoint.ok ? [] : endpoint.problems),
    ]);
  }
  for (const warning of [...socket.warnings, ...endpoint.warnings])
    log.warn({ warning }, 'tls.doubtful');
  return { keys: keys.keys, tls: { socket: socket.material, endpoint: endpoint.material } };
}
