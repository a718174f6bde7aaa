import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createMailWatch } from '../../src/client/mail.ts';
import { reachesState } from '../support/mail-until.ts';
import { readSourceFiles } from '../support/source-file.ts';
import { memoryHolds } from './mail-memory.ts';
import { type MailWorld, openMailWorld } from './mail-world.ts';

const SOURCES = fileURLToPath(new URL('../../../src/', import.meta.url));
const GATE = 'commands/mail-gate-role.ts';
const REGISTRATIONS = 200;
const AT_ONCE = 8;
const PASSWORD = 'canary-password-3f9a61';
/** What the gate has no use for, and must therefore not be able to use. */
const FORBIDDEN_PACKAGES = [
  'lmdb',
  'imapflow',
  'jose',
  '@aws-sdk/client-sqs',
  'ipaddr.js',
  'uWebSockets.js',
];
const FORBIDDEN_PLACES =
  /^(?:storage|queue|kick|socket|endpoint|cluster)\/|^delivery\.ts$|^mailwatch\/(?!gate\/|rpc\/)/;

describe('the code of the mail gate', () => {
  const graph = reachableFrom(GATE);

  it('is found to the end', () => {
    expect(graph.files).to.include.members([
      GATE,
      'mailwatch/rpc/client.ts',
      'mailwatch/gate/routes.ts',
    ]);
    expect(graph.packages).to.include('ajv');
  });

  it('B1: reaches no storage, queue, provider, vault or watcher', () => {
    expect(graph.files.filter((file) => FORBIDDEN_PLACES.test(file))).to.deep.equal([]);
  });

  it('reaches no package that stores, signs, or speaks to mail servers', () => {
    const reached = graph.packages.filter((name) => FORBIDDEN_PACKAGES.includes(name));
    expect(reached).to.deep.equal([]);
  });

  it('would find the backend’s', () => {
    const backend = reachableFrom('commands/mailwatch-role.ts');
    expect(backend.packages).to.include.members(['lmdb', 'imapflow', 'ipaddr.js']);
    expect(backend.files.some((file) => FORBIDDEN_PLACES.test(file))).to.equal(true);
  });
});

describe('the process of the mail gate', function () {
  this.timeout(120_000);

  let world: MailWorld;
  before(async () => {
    world = await openMailWorld({ users: ['ada'], password: PASSWORD });
  });
  after(async () => {
    await world[Symbol.asyncDispose]();
  });

  it('holds its listener, its clients, the socket to the backend, and nothing of the data', async () => {
    const pid = await world.server.mailPid('mail-gate');
    const { endpoint } = await world.subscribe();
    const watch = createMailWatch(world.server.urls.mail, {
      // At each answer the gate is looked at with the client still connected.
      fetch: async (url, init) => {
        const answer = await fetch(url, init);
        await expectNothingOpen(pid, world);
        return answer;
      },
    });
    const registered = await watch.register(world.mailboxOf('ada', endpoint));
    const token = registered.ok ? registered.value.token : '';
    expect((await watch.status(token)).ok).to.equal(true);
    expect((await watch.defer(token, 1000)).ok).to.equal(true);
    expect((await watch.stop(token)).ok).to.equal(true);
    expect((await watch.status(token)).ok).to.equal(false);
  });

  it(`B1: has none of ${REGISTRATIONS} passwords in its memory after as many registrations`, async () => {
    const pid = await world.server.mailPid('mail-gate');
    const { endpoint } = await world.subscribe();
    const waiting = Array.from({ length: REGISTRATIONS }, (_, number) => number).values();
    const tokens: string[] = [];
    const registerSome = async () => {
      // Deferred: what the backend does with it is not looked at here.
      const mailbox = { ...world.mailboxOf('ada', endpoint), waitMs: 3_600_000 };
      for (const _ of waiting) tokens.push(await world.register(mailbox));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, registerSome));
    expect(tokens).to.have.lengthOf(REGISTRATIONS);
    // The search finds what is there: every registration names the mail server, which the gate may know.
    expect(await memoryHolds(pid, '"sealed"')).to.equal(true);
    for (const form of formsOf(PASSWORD)) {
      expect(await memoryHolds(pid, form), form).to.equal(false);
    }
    const token = await world.register(world.mailboxOf('ada', endpoint));
    await reachesState(world.watch, token, 'watching');
    const backend = await world.server.mailPid('mailwatch');
    expect(await memoryHolds(backend, PASSWORD)).to.equal(true);
  });
});

/** As text, and as base64 of a text that has it anywhere. */
function formsOf(secret: string): readonly string[] {
  const inBase64 = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)]).toString('base64');
    return text.slice(4, -4);
  });
  return [secret, ...inBase64];
}

/** Sockets: one that listens, clients of it, one unix socket to the backend; files: none below the folder of the data. */
async function expectNothingOpen(pid: number, world: MailWorld): Promise<void> {
  const links = await openLinks(pid);
  const files = links.filter((link) => link.startsWith('/') && !link.startsWith('/dev/'));
  expect(files.filter((file) => file.startsWith(world.folder))).to.deep.equal([]);
  // Databases are mapped as well as opened.
  const maps = await readFile(`/proc/${pid}/maps`, 'utf8');
  expect(maps).not.to.include(world.folder);
  expect(maps).not.to.match(/lmdb|uWebSockets|uws/);
  const inodes = new Set(links.flatMap((link) => /^socket:\[([0-9]+)\]$/.exec(link)?.[1] ?? []));
  const port = Number(new URL(world.server.urls.mail).port);
  for (const { inode, localPort } of await tcpSockets(pid)) {
    // Whatever it has of TCP is at its own port: it has dialled nobody.
    if (inodes.has(inode)) expect(localPort).to.equal(port);
  }
  const unix = await unixSockets(pid);
  const named = unix.filter(({ inode, path }) => inodes.has(inode) && path !== '');
  expect(named).to.deep.equal([]);
}

async function openLinks(pid: number): Promise<readonly string[]> {
  const folder = `/proc/${pid}/fd`;
  const links: string[] = [];
  for (const name of await readdir(folder)) {
    // One that was closed meanwhile is not open.
    links.push(await readlink(join(folder, name)).catch(() => ''));
  }
  return links;
}

async function tcpSockets(pid: number): Promise<readonly { inode: string; localPort: number }[]> {
  const tables = await Promise.all(
    ['tcp', 'tcp6', 'udp', 'udp6'].map((name) => readFile(`/proc/${pid}/net/${name}`, 'utf8')),
  );
  return tables.flatMap((table) =>
    table
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .map((words) => ({
        inode: words[9] ?? '',
        localPort: Number.parseInt(words[1]?.split(':').at(-1) ?? '', 16),
      })),
  );
}

/** `path` is that of a socket that listens or was bound; the end that has dialled has none. */
async function unixSockets(pid: number): Promise<readonly { inode: string; path: string }[]> {
  const table = await readFile(`/proc/${pid}/net/unix`, 'utf8');
  return table
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .map((words) => ({ inode: words[6] ?? '', path: words[7] ?? '' }));
}

/** All files of ours and all packages that a file loads, by imports that are more than types. */
function reachableFrom(start: string): { files: readonly string[]; packages: readonly string[] } {
  const sources = new Map(readSourceFiles(SOURCES).map((file) => [file.path, file]));
  const files = new Set([start]);
  const packages = new Set<string>();
  for (const path of files) {
    const text = sources.get(path)?.text;
    expect(text, path).to.be.a('string');
    for (const specifier of valueImports(text ?? '')) {
      if (specifier.startsWith('.')) files.add(join(path, '..', specifier));
      else packages.add(specifier);
    }
  }
  return { files: [...files], packages: [...packages] };
}

/** What the text imports, statically or on demand, but for what is gone after compiling. */
function valueImports(text: string): readonly string[] {
  const statements = text.matchAll(/^(?:import|export) (?!type )([^;]*?)from '([^']+)'/gm);
  const named = [...statements]
    .filter(([, names = '']) => !isTypesOnly(names))
    .map(([, , from = '']) => from);
  const bare = [...text.matchAll(/^import '([^']+)'/gm)].map(([, from = '']) => from);
  const onDemand = [...text.matchAll(/\bimport\('([^']+)'\)/g)].map(([, from = '']) => from);
  return [...named, ...bare, ...onDemand];
}

function isTypesOnly(names: string): boolean {
  const inner = /^\{([\s\S]*)\}/.exec(names.trim())?.[1];
  if (inner === undefined) return false;
  const parts = inner.split(',').filter((part) => part.trim() !== '');
  return parts.every((part) => part.trim().startsWith('type '));
}
