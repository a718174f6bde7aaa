/** The only file that speaks to pino. */
import { type DestinationStream, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';

/**
 * Writes one line for each event: `log.warn({ deviceId, err }, 'store.put.failed')`. Events are dotted names; what differs from one
 * time to the next goes into the fields. `error`: a human must act. `warn`: degraded. `info`: start, stop, config. `debug`: one
 * session or PUT. `trace`: one message.
 *
 * Fields named like a secret (token, password, key …) are written as "[redacted]" at any depth, unless they are numbers or
 * booleans. Errors keep their message, code and chain of causes; their stack only at level error, or when the log's own level is debug
 * or trace. The names level, time, pid and event are taken.
 */
export interface Log {
  error(fields: object, event: string): void;
  warn(fields: object, event: string): void;
  info(fields: object, event: string): void;
  debug(fields: object, event: string): void;
  trace(fields: object, event: string): void;
  /** Whether lines of `debug` are written. For busy paths, which ask it before they make the fields of one. */
  readonly isDebugging: boolean;
}

export type LogLevel = Exclude<keyof Log, 'isDebugging'>;

export interface LogOptions {
  /** The least that is written. */
  readonly level: LogLevel;
  /** `auto` is pretty on a terminal. */
  readonly format: 'auto' | 'json' | 'pretty';
  /** Whether stderr is one. */
  readonly isTerminal: boolean;
  /** Takes whole lines; stderr when absent. */
  readonly destination?: DestinationStream;
}

/** Each line is written before the call returns, so that none is lost when the process exits next. */
export function createLog({ level, format, isTerminal, destination }: LogOptions): Log {
  const lines = destination ?? pino.destination({ dest: 2, sync: true });
  const isPretty = format === 'pretty' || (format === 'auto' && isTerminal);
  const logger = pino(
    {
      level,
      base: { pid: process.pid },
      messageKey: EVENT,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // Errors come ready made; pino's own serializer would take them for errors once more.
      serializers: { err: (err: unknown) => err },
    },
    isPretty ? prettyStream(lines, isTerminal) : lines,
  );
  const isDebugging = level === 'debug' || level === 'trace';
  const writer = (lineLevel: LogLevel) => {
    const hasStacks = isDebugging || lineLevel === 'error';
    return (fields: object, event: string) => {
      if (!logger.isLevelEnabled(lineLevel)) return;
      logger[lineLevel](loggableMembers(fields, { hasStacks, depth: 0 }), event);
    };
  };
  return {
    error: writer('error'),
    warn: writer('warn'),
    info: writer('info'),
    debug: writer('debug'),
    trace: writer('trace'),
    isDebugging,
  };
}

/** Writes nothing. For tests. */
export const quietLog: Log = {
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
  trace: () => {},
  isDebugging: false,
};

const EVENT = 'event';

/** Formats in this thread: a worker would still hold the last lines when the process exits. */
function prettyStream(lines: DestinationStream, colorize: boolean): DestinationStream {
  const pretty = prettyFactory({
    colorize,
    messageKey: EVENT,
    ignore: 'pid',
    translateTime: 'SYS:HH:MM:ss.l',
  });
  return { write: (line) => lines.write(pretty(line)) };
}

interface Loggable {
  readonly hasStacks: boolean;
  readonly depth: number;
}

/** Deeper than any chain of causes or config section; a bound for objects that contain themselves. */
const DEPTH_MAX = 6;
/** A vendor's error may quote a whole document. */
const TEXT_CHARACTERS_MAX = 2000;
const REDACTED = '[redacted]';
const SECRET_NAME = /token|passw|passphrase|secret|credential|authorization|cookie|keys?$/i;
/** An endpoint's path, in a text whose author did not know that it is a secret. */
const ENDPOINT_TOKEN = /(\/update\/)[\w-]{16,}/g;

function loggable(value: unknown, options: Loggable): unknown {
  if (typeof value === 'string') return loggableText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (options.depth > DEPTH_MAX) return '[too deep]';
  const inner = { ...options, depth: options.depth + 1 };
  if (value instanceof Error) return loggableError(value, inner);
  if (Array.isArray(value)) return value.map((element) => loggable(element, inner));
  return loggableMembers(value, inner);
}

function loggableMembers(fields: object, options: Loggable): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]: [string, unknown]) => {
      const mayBeSecret = typeof value === 'object' || typeof value === 'string';
      const isSecret = mayBeSecret && SECRET_NAME.test(name);
      return [name, isSecret ? REDACTED : loggable(value, options)];
    }),
  );
}

function loggableError(error: Error, options: Loggable): object {
  const code = 'code' in error ? { code: error.code } : {};
  const cause = error.cause === undefined ? {} : { cause: loggable(error.cause, options) };
  const stack = options.hasStacks
    ? { stack: error.stack?.replace(ENDPOINT_TOKEN, `$1${REDACTED}`) }
    : {};
  return { type: error.name, message: loggableText(error.message), ...code, ...cause, ...stack };
}

function loggableText(text: string): string {
  const safe = text.replace(ENDPOINT_TOKEN, `$1${REDACTED}`);
  return safe.length > TEXT_CHARACTERS_MAX ? `${safe.slice(0, TEXT_CHARACTERS_MAX)}…` : safe;
}
