/**
 * The gate's end of the RPC: one connection, opened when it is needed and used for every call. A backend that is gone or hangs costs each
 * caller its deadline at most, and never more memory than `inFlightMax` calls.
 */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock } from '../../clock.ts';
import type { RpcAddress, RpcLimits } from './address.ts';
import { FrameReader, frame, parseFrame } from './frames.ts';
import {
  type Answer,
  BackendUnavailableError,
  type MailBackend,
  type MethodName,
  type Requests,
} from './methods.ts';
import { toAnswer } from './replies.ts';

/** The backend as the gate sees it, and the end of it. */
export interface RpcClient {
  readonly backend: MailBackend;
  /** Calls that wait. */
  readonly inFlight: number;
  /** Ends the connection; calls that wait reject. */
  close(): void;
}

interface Call {
  readonly dueAtMs: number;
  readonly settle: (members: Readonly<Record<string, unknown>>) => void;
  readonly reject: (error: Error) => void;
}

/** How often deadlines are looked at: a call may take this much longer. */
export const DEADLINE_INTERVAL_MS = 50;

export function createRpcClient(address: RpcAddress, limits: RpcLimits, clock: Clock): RpcClient {
  return new Client(address, limits, clock);
}

class Client implements RpcClient {
  readonly #address: RpcAddress;
  readonly #limits: RpcLimits;
  readonly #clock: Clock;
  readonly #calls = new Map<number, Call>();
  readonly #stopSweep: () => void;
  #socket: Socket | undefined;
  /** When the backend was last heard on the connection, or this was opened. */
  #heardAtMs = 0;
  #lastId = 0;
  readonly backend: MailBackend;

  constructor(address: RpcAddress, limits: RpcLimits, clock: Clock) {
    this.#address = address;
    this.#limits = limits;
    this.#clock = clock;
    this.#stopSweep = clock.every(DEADLINE_INTERVAL_MS, () => this.#sweep());
    this.backend = {
      register: (request) => this.#call('register', request),
      defer: (request) => this.#call('defer', request),
      stop: (request) => this.#call('stop', request),
      status: (request) => this.#call('status', request),
      key: (request) => this.#call('key', request),
      alive: (request) => this.#call('alive', request),
    };
  }

  get inFlight(): number {
    return this.#calls.size;
  }

  close(): void {
    this.#stopSweep();
    this.#drop('the gate is closing');
  }

  async #call<Method extends MethodName>(
    method: Method,
    request: Requests[Method],
  ): Promise<Answer<Method>> {
    if (this.#calls.size >= this.#limits.inFlightMax) {
      throw new BackendUnavailableError('too many calls wait for the backend');
    }
    const id = ++this.#lastId;
    const members = await new Promise<Readonly<Record<string, unknown>>>((resolve, reject) => {
      const dueAtMs = this.#clock.monotonicMs() + this.#limits.deadlineMs;
      const connection = this.#connection();
      this.#calls.set(id, { dueAtMs, settle: resolve, reject });
      connection.write(frame({ id, method, request }));
    });
    const answer = toAnswer(method, members);
    if (answer === undefined) {
      throw new BackendUnavailableError('the backend answers in another form');
    }
    return answer;
  }

  #connection(): Socket {
    if (this.#socket !== undefined) return this.#socket;
    const socket = openSocket(this.#address);
    this.#socket = socket;
    this.#heardAtMs = this.#clock.monotonicMs();
    const reader = new FrameReader(this.#limits.messageBytesMax, (line) => this.#onLine(line));
    socket.on('data', (chunk) => {
      this.#heardAtMs = this.#clock.monotonicMs();
      try {
        reader.push(chunk);
      } catch {
        this.#drop('the backend sends more than it may');
      }
    });
    let reason = 'the connection to the backend ended';
    // 'close' follows.
    socket.on('error', (error) => {
      reason = `no connection to the backend: ${wordOf(error)}`;
    });
    socket.on('close', () => {
      // An older connection's end is no news to the one that has replaced it.
      if (this.#socket === socket) this.#drop(reason);
    });
    return socket;
  }

  #onLine(line: string): void {
    const members = parseFrame(line);
    const id = members?.['id'];
    if (members === undefined || typeof id !== 'number') {
      this.#drop('the backend does not speak our protocol');
      return;
    }
    // An answer to a call that has been given up comes too late.
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    call?.settle(members);
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    // In order of their deadlines: the first that is not due ends the look.
    for (const [id, call] of this.#calls) {
      if (call.dueAtMs > nowMs) return;
      this.#calls.delete(id);
      call.reject(new BackendUnavailableError('the backend does not answer'));
      // One call may take long, and the others are answered meanwhile. Where none is, the connection may be what hangs: try another one.
      if (nowMs - this.#heardAtMs >= this.#limits.deadlineMs) {
        this.#drop('the backend does not answer');
        return;
      }
    }
  }

  /** Every call on the connection fails with it: none of them can be answered any more. */
  #drop(reason: string): void {
    this.#socket?.destroy();
    this.#socket = undefined;
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const { reject } of calls) reject(new BackendUnavailableError(reason));
  }
}

/** ENOENT, ECONNREFUSED, CERT_HAS_EXPIRED, …: what an operator can look up. */
function wordOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

function openSocket(address: RpcAddress): Socket {
  if (address.kind === 'unix') return connect(address.path);
  const { host, port, serverName, tls } = address;
  const { certificate: cert, key, ca } = tls;
  return connectTls({ host, port, servername: serverName, cert, key, ca, minVersion: 'TLSv1.3' });
}
