/**
 * A Firebase Cloud Messaging of our own, over TLS on the loopback: the token endpoint and `messages:send`, HTTP/2 and HTTP/1.1. It is as
 * strict as Google where Google is known to be, and fails in every documented way when it is told to.
 */
import { generateKeyPair, type KeyPairKeyObjectResult, randomBytes } from 'node:crypto';
import {
  constants,
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { unreachable } from '../../src/assert.ts';
import {
  type FakeAnswer,
  FCM_ERRORS,
  type FcmErrorName,
  withRetryAfter,
} from './fake-fcm/errors.ts';
import { readMessage, type TakenMessage } from './fake-fcm/messages.ts';
import { createTokenEndpoint, type TokenEndpoint } from './fake-fcm/token-endpoint.ts';
import { type KickCertificates, makeKickCertificates } from './kick-certificates.ts';

/** What a request is to meet instead of a good answer. */
export type FakeFcmAnswer =
  | { readonly kind: 'error'; readonly name: FcmErrorName; readonly retryAfter?: string }
  | { readonly kind: 'raw'; readonly answer: FakeAnswer }
  /** No answer until close() or the client goes; or the stream, or the whole connection, is broken. `isTaken`: the wake counts all the same. */
  | { readonly kind: 'hang' | 'reset' | 'drop'; readonly isTaken?: boolean };

/** One wake that reached its device, as far as FCM can tell. */
export interface FakeFcmWake extends TakenMessage {
  /** By the clock of the fake. */
  readonly atMs: number;
}

export interface FakeFcmOptions {
  readonly projectId?: string;
  /** Of access tokens. */
  readonly tokenLifetimeSecs?: number;
  readonly nowMs?: () => number;
  /** Made when absent, which takes openssl some 50 ms. */
  readonly certificates?: KickCertificates;
  /** Of the service account. Made when absent, which takes some 100 ms. */
  readonly keys?: KeyPairKeyObjectResult;
  /** Called for each wake that is taken. */
  readonly onWake?: (wake: FakeFcmWake) => void;
  /** Streams that a client may open at once. */
  readonly streamsMax?: number;
  /** Asked for each message that would be taken, before it is; undefined takes it. After what answerNext says. */
  readonly choose?: (message: TakenMessage) => FakeFcmAnswer | undefined;
}

export interface FakeFcm {
  /** For kick.fcm.send_url. */
  readonly sendUrl: string;
  readonly tokenUrl: string;
  /** Who trusts this one (PEM) trusts the fake. */
  readonly ca: string;
  /** The file of kick.fcm.service_account_path. */
  readonly serviceAccountJson: string;
  /** In order of arrival. */
  readonly wakes: readonly FakeFcmWake[];
  /** Requests to `messages:send`, whatever became of them. */
  readonly sends: number;
  /** Requests to the token endpoint, whatever became of them. */
  readonly tokenExchanges: number;
  /** Connections that were opened, for either. */
  readonly connections: number;
  /** The next `times` messages meet this. */
  answerNext(answer: FakeFcmAnswer, times?: number): void;
  /** The next `times` requests to the token endpoint meet this. */
  answerNextExchange(answer: FakeFcmAnswer, times?: number): void;
  /** From now on messages hang, until resume() answers them. */
  hang(): void;
  resume(): void;
  /** The access tokens that were given are not good any more. */
  revokeTokens(): void;
  /** Says GOAWAY on every connection, and closes it when its streams are done. */
  sayGoodbye(): void;
  /** Breaks what hangs. */
  close(): Promise<void>;
}

/** A registration token as apps get them, for a device of any name of letters, digits and dashes. */
export function registrationToken(name: string): string {
  return `${name}:APA91b${'x'.repeat(16)}`;
}

/** A key pair for a service account, for several fakes. */
export function makeServiceKeys(): Promise<KeyPairKeyObjectResult> {
  return promisify(generateKeyPair)('rsa', { modulusLength: MODULUS_BITS });
}

const BODY_BYTES_MAX = 65_536;
const MODULUS_BITS = 2048;

/** Listens on a free port of 127.0.0.1. */
export async function startFakeFcm(options: FakeFcmOptions = {}): Promise<FakeFcm> {
  const certificates = options.certificates ?? (await makeKickCertificates());
  const keys = options.keys ?? (await makeServiceKeys());
  const server = createSecureServer({
    key: certificates.key,
    cert: certificates.certificate,
    allowHTTP1: true,
    settings: { maxConcurrentStreams: options.streamsMax ?? 100 },
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const sendUrl = `https://127.0.0.1:${port}`;
  const tokenUrl = `${sendUrl}/token`;
  const projectId = options.projectId ?? 'fake-project';
  const clientEmail = `firebase-adminsdk@${projectId}.iam.gserviceaccount.com`;
  const keyId = randomBytes(20).toString('hex');
  const endpoint = createTokenEndpoint({
    publicKey: keys.publicKey,
    keyId,
    clientEmail,
    tokenUrl,
    lifetimeSecs: options.tokenLifetimeSecs ?? 3599,
    nowMs: options.nowMs ?? Date.now,
  });
  const desk = new Desk({ ...options, projectId, endpoint });
  const sessions = new Set<ServerHttp2Session>();
  let connections = 0;
  server.on('secureConnection', () => {
    connections++;
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    // A client that vanishes is none of the fake's business.
    session.on('error', () => {});
  });
  server.on('request', (request, response) => void desk.onRequest(request, response));

  return {
    sendUrl,
    tokenUrl,
    ca: certificates.ca,
    serviceAccountJson: JSON.stringify({
      type: 'service_account',
      project_id: projectId,
      private_key_id: keyId,
      private_key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      client_email: clientEmail,
      client_id: '100000000000000000000',
      auth_uri: 'https://accounts.google.com/o/oauth2/auth',
      token_uri: tokenUrl,
      universe_domain: 'googleapis.com',
    }),
    wakes: desk.wakes,
    get sends() {
      return desk.sends;
    },
    get tokenExchanges() {
      return desk.tokenExchanges;
    },
    get connections() {
      return connections;
    },
    answerNext: (answer, times = 1) => desk.script.push(...Array(times).fill(answer)),
    answerNextExchange: (answer, times = 1) =>
      desk.exchangeScript.push(...Array(times).fill(answer)),
    hang: () => desk.hang(),
    resume: () => desk.resume(),
    revokeTokens: () => endpoint.revokeAll(),
    sayGoodbye() {
      for (const session of sessions) session.close();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const session of sessions) session.destroy();
      }),
  };
}

interface DeskDeps extends FakeFcmOptions {
  readonly projectId: string;
  readonly endpoint: TokenEndpoint;
}

/** What answers requests. */
class Desk {
  readonly wakes: FakeFcmWake[] = [];
  readonly script: FakeFcmAnswer[] = [];
  readonly exchangeScript: FakeFcmAnswer[] = [];
  readonly #deps: DeskDeps;
  #held: (() => void)[] | undefined;
  sends = 0;
  tokenExchanges = 0;

  constructor(deps: DeskDeps) {
    this.#deps = deps;
  }

  hang(): void {
    this.#held ??= [];
  }

  resume(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const proceed of held) proceed();
  }

  async onRequest(request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
    const body = await readBody(request);
    // Undefined when the client went away meanwhile.
    if (body === undefined) return;
    if (request.method !== 'POST') {
      write(response, FCM_ERRORS.HTML_404);
    } else if (request.url === '/token') {
      this.#onExchange(body, response);
    } else {
      this.sends++;
      const answer = () => this.#onSend(request, body, response);
      if (this.#held === undefined) answer();
      else this.#held.push(answer);
    }
  }

  #onExchange(body: string, response: Http2ServerResponse): void {
    this.tokenExchanges++;
    const scripted = this.exchangeScript.shift();
    if (scripted === undefined) write(response, this.#deps.endpoint.answer(body));
    else perform(scripted, response);
  }

  #onSend(request: Http2ServerRequest, body: string, response: Http2ServerResponse): void {
    // The front end looks first; then a test has its say.
    const refusal = this.#refusalOf(request);
    if (refusal !== undefined) {
      write(response, refusal);
      return;
    }
    const reading = readMessage(body);
    const scripted = this.script.shift();
    if (reading.kind === 'taken') this.#onMessage(reading.message, scripted, response);
    else if (scripted !== undefined) perform(scripted, response);
    else write(response, reading.answer);
  }

  #onMessage(
    message: TakenMessage,
    scripted: FakeFcmAnswer | undefined,
    response: Http2ServerResponse,
  ): void {
    const answer = scripted ?? this.#deps.choose?.(message);
    const isTaken = answer === undefined || ('isTaken' in answer && answer.isTaken === true);
    if (isTaken && !message.isCheck) this.#take(message);
    if (answer === undefined) write(response, this.#good(message));
    else perform(answer, response);
  }

  #take(message: TakenMessage): void {
    const wake = { ...message, atMs: (this.#deps.nowMs ?? Date.now)() };
    this.wakes.push(wake);
    this.#deps.onWake?.(wake);
  }

  #good({ isCheck }: TakenMessage): FakeAnswer {
    const id = isCheck ? 'fake_message_id' : `0:${randomBytes(8).toString('hex')}`;
    const name = `projects/${this.#deps.projectId}/messages/${id}`;
    return {
      status: 200,
      headers: { 'content-type': 'application/json; charset=UTF-8' },
      body: JSON.stringify({ name }),
    };
  }

  /** What the front end says before FCM looks at the message. */
  #refusalOf({ url, headers }: Http2ServerRequest): FakeAnswer | undefined {
    const { project } =
      /^\/v1\/projects\/(?<project>[^/?]+)\/messages:send$/.exec(url)?.groups ?? {};
    if (project === undefined) return FCM_ERRORS.HTML_404;
    const [scheme, bearer] = headers.authorization?.split(' ') ?? [];
    if (scheme !== 'Bearer' || bearer === undefined) return FCM_ERRORS.TOKEN_MISSING;
    const state = this.#deps.endpoint.stateOf(bearer);
    if (state === 'unknown') return FCM_ERRORS.UNAUTHENTICATED;
    if (state === 'expired') return FCM_ERRORS.TOKEN_EXPIRED;
    return project === this.#deps.projectId ? undefined : FCM_ERRORS.PERMISSION_DENIED;
  }
}

async function readBody(request: Http2ServerRequest): Promise<string | undefined> {
  let body = '';
  try {
    for await (const chunk of request) {
      if (body.length < BODY_BYTES_MAX) body += chunk;
    }
    return body;
  } catch {
    return undefined;
  }
}

function perform(answer: FakeFcmAnswer, response: Http2ServerResponse): void {
  switch (answer.kind) {
    case 'error': {
      const error = FCM_ERRORS[answer.name];
      const { retryAfter } = answer;
      write(response, retryAfter === undefined ? error : withRetryAfter(error, retryAfter));
      break;
    }
    case 'raw':
      write(response, answer.answer);
      break;
    case 'hang':
      break;
    case 'reset':
    case 'drop':
      breakOff(answer.kind, response);
      break;
    default:
      unreachable(answer);
  }
}

/** HTTP/1.1 knows no streams to break. */
function breakOff(kind: 'reset' | 'drop', response: Http2ServerResponse): void {
  if (response.req.httpVersionMajor === 1) response.req.socket.destroy();
  else if (kind === 'reset') response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else response.stream.session?.destroy();
}

function write(response: Http2ServerResponse, { status, headers, body }: FakeAnswer): void {
  if (response.writableEnded || response.destroyed) return;
  response.writeHead(status, { ...headers });
  response.end(body);
}
