/** Wakes one device, closes nothing, and must end by itself. Run by idle-process.test.ts with the origin and the authority. */
import { systemClock } from '../../../src/clock.ts';
import { createApnsProvider } from '../../../src/kick/apns.ts';
import { quietLog } from '../../../src/log.ts';
import { APP, LIMITS, NEVER, wakeOf } from './open-apns.ts';

const [, , origin = '', ca = '', privateKeyPem = ''] = process.argv;
const provider = createApnsProvider({
  apps: [{ ...APP, origin, privateKeyPem }],
  limits: LIMITS,
  clock: systemClock,
  log: quietLog,
  ca,
});
console.log((await provider.wake(wakeOf(1), NEVER)).kind);
