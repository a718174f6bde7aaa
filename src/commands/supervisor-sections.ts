import type { SectionName, Share } from '../config/config-text.ts';
import { allocatorFor } from './heap-tuning.ts';
import type { RoleName } from './role.ts';

/**
 * The sections of the config that each role's process is given. What is not named here it never sees, neither in its memory nor in its
 * environment.
 */
export const ROLE_SECTIONS: Readonly<
  Record<RoleName, Readonly<Partial<Record<SectionName, Share>>>>
> = {
  push: {
    socket: 'whole',
    endpoint: 'whole',
    tokens: 'whole',
    storage: 'whole',
    // Which providers there are decides whether a PUT needs a kick; their keys are not needed for that.
    kick: 'without-files',
    queue: 'whole',
    // Only so that its port, at its default, is not taken for one that collides with the others.
    admin: 'whole',
    log: 'whole',
    shutdown: 'whole',
  },
  kick: {
    storage: 'whole',
    kick: 'whole',
    queue: 'whole',
    log: 'whole',
    shutdown: 'whole',
  },
  // It faces the internet: where to listen and how to reach the backend is all it may know.
  'mail-gate': { mailgate: 'whole', log: 'whole', shutdown: 'whole' },
  mailwatch: {
    mailwatch: 'whole',
    // Only so that it sees where the gate looks for it; what is not there is taken for the default, and refused.
    mailgate: 'whole',
    log: 'whole',
    shutdown: 'whole',
  },
};

/** Variables that any program may need: where programs and homes are, time zone, certificates, and what Node.js and glibc read. */
const COMMON_VARIABLE =
  /^(?:PATH|HOME|USER|LANG|LC_\w+|TZ|TMPDIR|SSL_CERT_(?:FILE|DIR)|NODE_(?!CHANNEL)\w+|MALLOC_\w+|FORCE_COLOR|NO_COLOR)$/;
/** Those of the AWS SDK, for a queue in SQS. */
const AWS_VARIABLE = /^AWS_\w+$/;

/** Roles that put kicks into the queue or take them out. */
const USES_QUEUE: Readonly<Record<RoleName, boolean>> = {
  push: true,
  kick: true,
  'mail-gate': false,
  mailwatch: false,
};

/** What of the supervisor's environment the role's process gets. Never a REVEILLE__ variable: its config holds what it may know. */
export function environmentFor(
  role: RoleName,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const variables: Record<string, string> = { ...allocatorFor(role) };
  for (const [name, value] of Object.entries(env)) {
    const isWanted = COMMON_VARIABLE.test(name) || (USES_QUEUE[role] && AWS_VARIABLE.test(name));
    if (isWanted && value !== undefined) variables[name] = value;
  }
  return variables;
}
