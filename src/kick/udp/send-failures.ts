import { unreachable } from '../../assert.ts';
import type { WakeOutcome } from '../provider.ts';

type Verdict =
  | 'refused'
  | 'device-later'
  /** This machine is short of something. */
  | 'machine-later'
  | { readonly halted: string };

const FIREWALL =
  'this machine does not let a datagram out (a firewall, or a sandbox of the service): allow UDP to kick.udp.networks, or take the network out of that list';

/** What a send that failed means, by the system's code. The rows have their test in test/kick/udp/send-failures.test.ts. */
const BY_CODE: Readonly<Record<string, Verdict>> = {
  EMSGSIZE: 'refused',
  // A broadcast address of a network this machine is in.
  EACCES: 'refused',
  EINVAL: 'refused',
  // No IPv6, or no IPv4, on this machine at all.
  EAFNOSUPPORT: 'refused',
  ENETUNREACH: 'device-later',
  EHOSTUNREACH: 'device-later',
  EHOSTDOWN: 'device-later',
  ENETDOWN: 'device-later',
  EADDRNOTAVAIL: 'device-later',
  // What an earlier datagram met, told late.
  ECONNREFUSED: 'device-later',
  EAGAIN: 'machine-later',
  ENOBUFS: 'machine-later',
  ENOMEM: 'machine-later',
  EMFILE: 'machine-later',
  ENFILE: 'machine-later',
  EPERM: { halted: FIREWALL },
};

const MACHINE_WAIT_MS = 1000;

/** A code that has no row leaves the device alone until its back-off is over. Never throws. */
export function readSendFailure(code: string): WakeOutcome {
  const verdict = BY_CODE[code] ?? 'device-later';
  if (typeof verdict === 'object') {
    return { kind: 'halted', reason: `UDP fails with ${code}: ${verdict.halted}.` };
  }
  switch (verdict) {
    case 'refused':
      return { kind: 'refused', reason: code };
    case 'device-later':
      return { kind: 'later', scope: 'device', reason: code };
    case 'machine-later':
      return { kind: 'later', scope: 'provider', retryAfterMs: MACHINE_WAIT_MS, reason: code };
    default:
      return unreachable(verdict);
  }
}
