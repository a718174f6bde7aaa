/** A server that speaks the meta protocol, or something else, as its script says. Counts what it is asked. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { Arrivals } from './arrivals.ts';
import { findFreePorts } from './free-ports.ts';

/** One command as it came in. */
export interface Command {
  /** `mg`, `ms` or `mn`. */
  readonly name: string;
  readonly key: string;
  /** The flags, each with its token. */
  readonly flags: readonly string[];
  /** What the reply must carry. */
  readonly opaque: string;
  readonly value: string | undefined;
}

/** The bytes of the reply; undefined when there is none, or when the script writes to the socket itself. */
export type Script = (command: Command, socket: Socket) => string | undefined;

/** Answers every get with a miss and every set with success. */
export const OBEDIENT: Script = ({ name, opaque }) => {
  if (name === 'mn') return 'MN\r\n';
  return name === 'mg' ? `EN O${opaque}\r\n` : `HD c1 O${opaque}\r\n`;
};

export class ScriptedMemcached {
  readonly host = '127.0.0.1';
  readonly port: number;
  /** Each connection as it comes. */
  readonly connections = new Arrivals<Socket>();
  /** Each command as it comes, but for those of the handshake. */
  readonly commands = new Arrivals<Command>();
  script: Script;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(port: number, script: Script) {
    this.port = port;
    this.script = script;
  }

  async start(): Promise<void> {
    this.#server = createServer({ noDelay: true }, (socket) => this.#onConnection(socket));
    this.#server.listen(this.port, this.host);
    await once(this.#server, 'listening');
  }

  /** Ends every connection and listens no more. */
  async stop(): Promise<void> {
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server !== undefined) await once(this.#server, 'close');
    this.#server = undefined;
  }

  /** Connections that are open now. */
  get openCount(): number {
    return this.#sockets.size;
  }

  #onConnection(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // A client that gives up resets the connection.
    socket.on('error', () => {});
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      text = this.#answerAll(text + chunk, socket);
    });
    this.connections.push(socket);
  }

  /** Returns the part of a command that has come so far. */
  #answerAll(text: string, socket: Socket): string {
    let rest = text;
    for (;;) {
      const lineEnd = rest.indexOf('\r\n');
      if (lineEnd === -1) return rest;
      const [name = '', key = '', ...more] = rest.slice(0, lineEnd).split(' ');
      const length = name === 'ms' ? Number(more.shift()) : -2;
      const end = lineEnd + 2 + length + 2;
      if (rest.length < end) return rest;
      const value = name === 'ms' ? rest.slice(lineEnd + 2, end - 2) : undefined;
      rest = rest.slice(end);
      this.#answer({ name, key, flags: more, opaque: opaqueOf(more), value }, socket);
    }
  }

  #answer(command: Command, socket: Socket): void {
    const reply = this.script(command, socket);
    if (reply !== undefined) socket.write(reply, 'latin1');
    if (command.name !== 'mn') this.commands.push(command);
  }
}

export async function startScriptedMemcached(
  script: Script = OBEDIENT,
): Promise<ScriptedMemcached> {
  const [port = 0] = await findFreePorts(1);
  const scripted = new ScriptedMemcached(port, script);
  await scripted.start();
  return scripted;
}

function opaqueOf(flags: readonly string[]): string {
  return flags.find((flag) => flag.startsWith('O'))?.slice(1) ?? '';
}
