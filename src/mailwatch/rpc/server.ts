/** The backend's end of the RPC: a unix socket for its own user alone, or TLS on which both ends prove who they are. */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Log } from '../../log.ts';
import { listening, listenOnFile } from '../socket-file.ts';
import type { RpcAddress, RpcLimits } from './address.ts';
import { FrameReader, frame, parseFrame } from './frames.ts';
import type { MailService, MethodName } from './methods.ts';
import { checkRequest } from './schemas.ts';

/** The backend's end while it is open. */
export interface RpcServer {
  /** Of a TCP address, what port it got; undefined of a socket file. */
  readonly port: number | undefined;
  /** Ends every connection; calls under way are finished without anybody to tell. */
  close(): Promise<void>;
}

export interface RpcServerDeps {
  readonly service: MailService;
  readonly limits: RpcLimits;
  readonly log: Log;
}

/** Gates that may be connected at once. */
export const CONNECTIONS_MAX = 64;

const METHODS: ReadonlySet<string> = new Set<MethodName>([
  'register',
  'defer',
  'stop',
  'status',
  'key',
  'alive',
]);

/** Listens for gates. @throws Error when the address is taken by a backend that lives. */
export async function listenForGates(address: RpcAddress, deps: RpcServerDeps): Promise<RpcServer> {
  const sockets = new Set<Socket>();
  const server = createListener(address, deps.limits, (socket) => {
    new Conversation(socket, deps).begin();
  });
  server.maxConnections = CONNECTIONS_MAX;
  // Also those that have not shaken hands: none may keep the end waiting.
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  if (address.kind === 'unix') {
    const question = frame({ id: 0, method: 'alive', request: {} });
    const options = { path: address.path, question, answerMsMax: deps.limits.deadlineMs };
    await listenOnFile(server, options);
  } else await listening(server, () => server.listen(address.port, address.host));
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : undefined,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function createListener(
  address: RpcAddress,
  { deadlineMs: handshakeTimeout }: RpcLimits,
  onSocket: (socket: Socket) => void,
): Server {
  if (address.kind === 'unix') return createServer(onSocket);
  const { certificate: cert, key, ca } = address.tls;
  const options = { cert, key, ca, requestCert: true, rejectUnauthorized: true } as const;
  return createTlsServer({ ...options, minVersion: 'TLSv1.3', handshakeTimeout }, onSocket);
}

/** One gate's connection. */
class Conversation {
  readonly #socket: Socket;
  readonly #deps: RpcServerDeps;
  #inFlight = 0;
  #isOver = false;

  constructor(socket: Socket, deps: RpcServerDeps) {
    this.#socket = socket;
    this.#deps = deps;
  }

  begin(): void {
    const socket = this.#socket;
    const { messageBytesMax } = this.#deps.limits;
    const reader = new FrameReader(messageBytesMax, (line) => this.#onLine(line));
    socket.on('data', (chunk) => {
      try {
        reader.push(chunk);
      } catch {
        this.#refuse('too_long');
      }
    });
    // A gate that goes away is not our trouble; 'close' follows.
    socket.on('error', () => socket.destroy());
  }

  #onLine(line: string): void {
    // What stands behind something that was refused is not carried out any more.
    if (this.#isOver) return;
    const members = parseFrame(line);
    const { id, method, request } = members ?? {};
    if (typeof id !== 'number' || typeof method !== 'string' || !METHODS.has(method)) {
      this.#refuse('not_ours');
      return;
    }
    // A gate keeps to the same bound; one that does not is no gate of ours.
    if (this.#inFlight >= this.#deps.limits.inFlightMax) {
      this.#refuse('too_many');
      return;
    }
    this.#inFlight++;
    void this.#answer(id, method as MethodName, request);
  }

  /** Never rejects: a fault in one call ends neither the backend nor another call. */
  async #answer<Method extends MethodName>(
    id: number,
    method: Method,
    request: unknown,
  ): Promise<void> {
    try {
      const checked = checkRequest(method, request);
      const answer = checked.ok
        ? await this.#deps.service[method](checked.value)
        : { ok: false, refusal: { kind: 'invalid', fields: checked.fields } };
      await this.#write({ id, ...answer });
    } catch (err) {
      this.#deps.log.error({ err, method }, 'mail.rpc.failed');
      const refusal = { kind: 'unavailable', retryAfterMs: this.#deps.limits.deadlineMs };
      await this.#write({ id, ok: false, refusal });
    } finally {
      this.#inFlight--;
    }
  }

  /** Resolves once the answer has left, so that a gate that reads none is soon at its bound of calls. Never rejects. */
  #write(answer: object): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.write(frame(answer), () => resolve());
    });
  }

  #refuse(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#deps.log.warn({ reason }, 'mail.rpc.refused');
    this.#socket.destroy();
  }
}
