import type { SectionSchema } from '../key-schema.ts';

/** [admin] */
export const ADMIN = {
  type: 'object',
  additionalProperties: false,
  description: `
    The listener for operators: health, status and metrics. It asks for no password, so keep it where only operators and their
    monitoring reach it.`,
  properties: {
    host: {
      type: 'string',
      format: 'host',
      default: '127.0.0.1',
      description: 'Address to listen on; the default is reached from this machine alone.',
    },
    port: {
      type: 'integer',
      minimum: 0,
      maximum: 65_535,
      default: 8082,
      description: 'Port to listen on; 0 takes a free one, which the ready line tells.',
    },
  },
} as const satisfies SectionSchema;

/** [log] */
export const LOG = {
  type: 'object',
  additionalProperties: false,
  description: 'The log, on stderr. It never holds tokens, keys or what app servers send.',
  properties: {
    level: {
      type: 'string',
      enum: ['trace', 'debug', 'info', 'warn', 'error'],
      default: 'info',
      description: `
        The least that is written. error: someone must act. warn: degraded. info: start, stop and
        config. debug: single sessions and PUTs, with stacks. trace: single messages.`,
    },
    format: {
      type: 'string',
      enum: ['auto', 'json', 'pretty'],
      default: 'auto',
      description: `
        "json" writes one object a line, for machines; "pretty" is for eyes. "auto" is pretty when
        stderr is a terminal, else json.`,
    },
  },
} as const satisfies SectionSchema;

/** [shutdown] */
export const SHUTDOWN = {
  type: 'object',
  additionalProperties: false,
  description: 'What happens between SIGTERM and exit.',
  properties: {
    spread_ms: {
      type: 'integer',
      minimum: 0,
      maximum: 3_600_000,
      default: 2000,
      description: `
        Devices are told to go (1001) one after the other over this time, so that they do not all
        reconnect in the same instant. Longer for more devices or fewer other nodes.`,
    },
    deadline_ms: {
      type: 'integer',
      minimum: 1,
      maximum: 3_600_000,
      default: 10_000,
      description: `
        The process exits after this at the latest, whatever still hangs. More than spread_ms, less
        than what the service manager waits before it kills.`,
    },
  },
} as const satisfies SectionSchema;

/** [start] */
export const START = {
  type: 'object',
  additionalProperties: false,
  description: `
    What the command "start" runs: each role in a process of its own, started again when it dies.`,
  properties: {
    workers: {
      type: 'integer',
      minimum: 1,
      maximum: 1,
      default: 1,
      description: `
        Processes that serve devices. Always 1: with more of them, a PUT would reach a process that does
        not have the device's socket.`,
    },
    ready_deadline_ms: {
      type: 'integer',
      minimum: 1000,
      maximum: 3_600_000,
      default: 60_000,
      description: `
        A role that is not ready after this is killed, and started again. Much longer than a start
        takes.`,
    },
    restart_backoff_min_ms: {
      type: 'integer',
      minimum: 1,
      maximum: 3_600_000,
      default: 500,
      description: `
        The longest wait before a role that died is started again; it doubles with each time in a
        row, up to restart_backoff_max_ms. Each wait is a random part of it, at least half.`,
    },
    restart_backoff_max_ms: {
      type: 'integer',
      minimum: 1,
      maximum: 3_600_000,
      default: 30_000,
      description: 'The longest wait before a role is started again.',
    },
    restart_stable_ms: {
      type: 'integer',
      minimum: 0,
      maximum: 86_400_000,
      default: 60_000,
      description: `
        A role that was up for this long has recovered: when it dies again, the waits begin anew.`,
    },
  },
} as const satisfies SectionSchema;
