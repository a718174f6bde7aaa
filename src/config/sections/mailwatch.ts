import type { SectionSchema } from '../key-schema.ts';
import { RPC_KEYS } from './mail-rpc.ts';

/** [mailwatch] */
export const MAILWATCH = {
  type: 'object',
  additionalProperties: false,
  description: `
    Watching mailboxes: new mail becomes a version PUT to the endpoint of the device that registered the
    mailbox. A process of its own, the only one that ever sees a mail password.`,
  properties: {
    ...RPC_KEYS,
    enabled: {
      type: 'boolean',
      default: false,
      description: `
        Whether "start" runs the mail watch, gate and backend.`,
    },
    path: {
      type: 'string',
      format: 'path',
      default: 'data/mail',
      description: `
        Folder of the accounts and of the vault with their credentials, sealed under the master key.`,
    },
    operators_path: {
      type: 'string',
      format: 'path',
      default: 'data/mail/operators.sock',
      description: `
        Socket file that the command "watches" asks, to see accounts, to pause and to re-arm watches. For the
        user of the mail watch alone.`,
    },
    credentials: {
      type: 'string',
      enum: ['vault', 'memory'],
      default: 'vault',
      description: `
        Where credentials lie. "vault": sealed on disk, so that a restart goes on by itself. "memory": on no disk;
        after a restart every device is told to register again.`,
    },
    accounts_bytes_max: {
      type: 'integer',
      minimum: 1048576,
      maximum: 1099511627776,
      default: 268435456,
      description: `
        Address space for the accounts; an account takes about 1 kB.`,
    },
    master_keys: {
      type: 'array',
      items: { type: 'string', format: 'token-key' },
      uniqueItems: true,
      maxItems: 8,
      default: [],
      writeOnly: true,
      description: `
        Keys that seal credentials at rest, each base64url of 32 bytes, as the command "keys" prints them.
        The first seals, all of them open: to rotate, put a new one first and keep the old one until the
        log says that none is sealed with it. Empty: they are read from master_key_path.`,
    },
    master_key_path: {
      type: 'string',
      format: 'path',
      default: 'data/mail.key',
      description: `
        File with such keys, one a line. Made on the first start; for its owner alone (mode 0600), and not
        in the folder of the data: a backup of one without the other tells nobody anything.`,
    },
    sealing_key_path: {
      type: 'string',
      format: 'path',
      default: 'data/mail-sealing.key',
      description: `
        File with the private key that devices seal their credentials to. Made on the first start.`,
    },
    endpoint_bases: {
      type: 'array',
      items: { type: 'string', format: 'http-url' },
      uniqueItems: true,
      maxItems: 8,
      default: [],
      description: `
        Beginnings of the endpoints that versions may be PUT to, such as "https://push.example/update/". Empty:
        "start" fills in those of its own push process.`,
    },
    put_timeout_ms: {
      type: 'integer',
      minimum: 100,
      maximum: 120000,
      default: 10000,
      description: `
        How long a PUT to an endpoint may take.`,
    },
    accounts_max: {
      type: 'integer',
      minimum: 1,
      maximum: 1000000,
      default: 10000,
      description: `
        Accounts that may be registered. A watched mailbox takes some 80 kB.`,
    },
    sealed_age_ms_max: {
      type: 'integer',
      minimum: 60000,
      maximum: 31536000000,
      default: 86400000,
      description: `
        How old a registration may be, and how far a device's clock may be off: an older one is refused, so that
        a gate that was broken into cannot bring back what it has recorded.`,
    },
    lease_ms: {
      type: 'integer',
      minimum: 1000,
      maximum: 600000,
      default: 15000,
      description: `
        How long a backend that does not prolong its lease is waited for before another one takes over. Only
        one of the backends with the same folder watches.`,
    },
    ramp_ms: {
      type: 'integer',
      minimum: 0,
      maximum: 3600000,
      default: 30000,
      description: `
        After a start, the watches begin spread over this time.`,
    },
    retry_after_ms: {
      type: 'integer',
      minimum: 1000,
      maximum: 3600000,
      default: 5000,
      description: `
        What devices are told to wait while the backend cannot promise anything.`,
    },
    debounce_ms: {
      type: 'integer',
      minimum: 0,
      maximum: 600000,
      default: 2000,
      description: `
        After one version, the next news of the account waits this long, so that a thousand mails make few
        versions. A single mail is not held up.`,
    },
    idle_ms: {
      type: 'integer',
      minimum: 1000,
      maximum: 1740000,
      default: 1500000,
      description: `
        Longest IDLE before it is renewed. Servers may end it after 30 minutes; some routers forget silent
        connections earlier.`,
    },
    idle_grace_ms: {
      type: 'integer',
      minimum: 100,
      maximum: 300000,
      default: 20000,
      description: `
        How long a server may take to answer at the end of an IDLE before it is taken for dead.`,
    },
    poll_ms: {
      type: 'integer',
      minimum: 1000,
      maximum: 3600000,
      default: 60000,
      description: `
        Between two looks where the server has no IDLE, and at all folders but the first.`,
    },
    command_timeout_ms: {
      type: 'integer',
      minimum: 100,
      maximum: 300000,
      default: 30000,
      description: `
        How long one step with a mail server may take: connecting, the greeting, a command.`,
    },
    response_bytes_max: {
      type: 'integer',
      minimum: 4096,
      maximum: 1048576,
      default: 65536,
      description: `
        Longest line of a mail server; one that sends more is left.`,
    },
    backoff_min_ms: {
      type: 'integer',
      minimum: 10,
      maximum: 600000,
      default: 5000,
      description: `
        Ceiling of the first wait after a failure; it doubles with each failure in a row.`,
    },
    backoff_max_ms: {
      type: 'integer',
      minimum: 1000,
      maximum: 86400000,
      default: 900000,
      description: `
        Ceiling of every wait after a failure.`,
    },
    limited_min_ms: {
      type: 'integer',
      minimum: 10,
      maximum: 3600000,
      default: 60000,
      description: `
        Shortest first wait when the server says that there are too many connections.`,
    },
    auth_retry_ms: {
      type: 'integer',
      minimum: 1000,
      maximum: 86400000,
      default: 3600000,
      description: `
        Between two tries of a password that was refused: servers lock accounts that are tried often.`,
    },
    auth_give_up_ms: {
      type: 'integer',
      minimum: 1000,
      maximum: 2592000000,
      default: 259200000,
      description: `
        A password that has been refused for this long ends the watch and is erased.`,
    },
    stable_ms: {
      type: 'integer',
      minimum: 0,
      maximum: 3600000,
      default: 60000,
      description: `
        A connection that lived this long ends a row of failures.`,
    },
    connections_max: {
      type: 'integer',
      minimum: 1,
      maximum: 1000000,
      default: 10000,
      description: `
        Connections to mail servers, of this process.`,
    },
    connections_per_host_max: {
      type: 'integer',
      minimum: 1,
      maximum: 1000000,
      default: 5000,
      description: `
        Connections to one host name.`,
    },
    logins_per_second_max: {
      type: 'integer',
      minimum: 1,
      maximum: 10000,
      default: 100,
      description: `
        Logins a second, to all hosts. A login takes some 4 ms of CPU.`,
    },
    logins_per_host_per_second_max: {
      type: 'integer',
      minimum: 1,
      maximum: 10000,
      default: 20,
      description: `
        Logins a second, to one host name.`,
    },
    allowed_networks: {
      type: 'array',
      items: { type: 'string', format: 'network' },
      uniqueItems: true,
      maxItems: 64,
      default: [],
      description: `
        Addresses and networks beside the public internet that mail servers may be in: those of your own.
        Everything else that is not public is refused, whatever a name resolves to.`,
    },
    allowed_ports: {
      type: 'array',
      items: { type: 'string', format: 'port' },
      uniqueItems: true,
      maxItems: 16,
      default: ['993', '143', '443'],
      description: `
        Ports that mail servers and token endpoints may have.`,
    },
    resolve_timeout_ms: {
      type: 'integer',
      minimum: 10,
      maximum: 60000,
      default: 5000,
      description: `
        How long a name may take to resolve.`,
    },
    ca_path: {
      type: 'string',
      format: 'path-or-empty',
      default: '',
      description: `
        PEM file with additional certificate authorities, for mail servers of your own. Empty: those of
        Node.js alone.`,
    },
    oauth_refresh_ahead_ms: {
      type: 'integer',
      minimum: 1000,
      maximum: 1800000,
      default: 300000,
      description: `
        An access token that ends within this is replaced, and the connection with it.`,
    },
  },
} as const satisfies SectionSchema;
