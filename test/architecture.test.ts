/** Holds the code to ARCHITECTURE.md: who may import whom, where each package lives, and what no file may contain. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { readSourceFiles, type SourceFile, sourceFile } from './support/source-file.ts';

// Two steps up from build/test/, where this file runs.
const ROOT = new URL('../../', import.meta.url);
const FILES = readSourceFiles(fileURLToPath(new URL('src/', ROOT)));

const FILE_LINES_MAX = 400;

/** What every folder may import, beside what its own row names. */
const OPEN_TO_ALL = [
  'assert.ts',
  'clock.ts',
  'lifecycle.ts',
  'listen.ts',
  'log.ts',
  'metrics.ts',
  'origin.ts',
  'protocol/',
  'token-bucket.ts',
];

/**
 * The arrows: a folder, or a file of the ground floor, and the beginnings of the paths it may import. Inside its own row a file may
 * import any other. The longest row that fits a file is its own.
 */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  'assert.ts': [],
  'clock.ts': [],
  'lifecycle.ts': ['assert.ts', 'clock.ts', 'log.ts'],
  'listen.ts': ['assert.ts'],
  'log.ts': ['assert.ts'],
  'metrics.ts': ['protocol/'],
  'origin.ts': [],
  'token-bucket.ts': ['clock.ts'],
  'protocol/': ['assert.ts'],
  // Runs in browsers too, where there is neither our log nor our metrics.
  'client/': ['assert.ts', 'protocol/'],
  'config/': OPEN_TO_ALL,
  'storage/': OPEN_TO_ALL,
  'queue/': OPEN_TO_ALL,
  'kick/': [...OPEN_TO_ALL, 'queue/queue.ts', 'storage/store.ts'],
  'cluster/': [...OPEN_TO_ALL, 'storage/store.ts'],
  'delivery.ts': [...OPEN_TO_ALL, 'queue/queue.ts', 'storage/store.ts'],
  'socket/': [...OPEN_TO_ALL, 'storage/store.ts'],
  'endpoint/': [...OPEN_TO_ALL, 'delivery.ts'],
  // The push side by HTTP alone; of the embedded engine only the file that speaks to lmdb.
  'mailwatch/': [...OPEN_TO_ALL, 'client/put.ts', 'storage/embedded/file.ts'],
  'mailwatch/gate/': [...OPEN_TO_ALL, 'mailwatch/rpc'],
  'admin/': OPEN_TO_ALL,
  'commands/': [''],
  'main.ts': [...OPEN_TO_ALL, 'commands/'],
};

/** The one home of each package. */
const VENDOR_HOMES: Readonly<Record<string, RegExp>> = {
  'uWebSockets.js': /^(?:socket|endpoint)\/uws-[a-z-]+\.ts$/,
  ws: /^(?:socket\/ws-socket|client\/node-socket)\.ts$/,
  lmdb: /^storage\/embedded\/file\.ts$/,
  pino: /^log\.ts$/,
  'pino-pretty': /^log\.ts$/,
  ajv: /^(?:config|mailwatch\/rpc)\//,
  'smol-toml': /^config\//,
  'prom-client': /^admin\//,
  jose: /^kick\/(?:apns\/provider-token|fcm\/assertion)\.ts$/,
  commander: /^(?:commands\/|main\.ts$)/,
  'ipaddr.js': /^mailwatch\/egress\/addresses\.ts$/,
  imapflow: /^mailwatch\/imap\.ts$/,
  '@hpke/core': /^protocol\/envelope\.ts$/,
  '@aws-sdk/client-sqs': /^queue\/sqs\/service\.ts$/,
  uuid: /^protocol\/ids\.ts$/,
};

/** Folders that must run without Node's modules, or with a few that do no I/O. */
const NODE_MODULES_OF: Readonly<Record<string, readonly string[]>> = {
  // net for isIP alone.
  'protocol/': ['node:crypto', 'node:net'],
  'client/': [],
};

/** What no file may contain. `allowed` names the files that may. */
const MARKS: readonly { title: string; pattern: RegExp; allowed?: RegExp }[] = [
  { title: 'has a default export', pattern: /^export default\b|\bas default\b/m },
  { title: 'is a barrel', pattern: /^export (?:(?:type )?\*|\{[^}]*\} from )/m },
  { title: 'says any', pattern: /(?:[:<|&,]|\bas|=>|\bextends) *any\b(?! *[:(])|\bany\[\]/ },
  { title: 'asserts that something is there with !', pattern: /[\w)\]]!(?:[.;,)\][}:]|$)/m },
  {
    title: 'declares an enum or a namespace',
    pattern: /^(?:export )?(?:const )?(?:enum|namespace) /m,
  },
  {
    title: 'reads the environment',
    pattern: /\bprocess\.env\b|\bprocess\['env'\]/,
    allowed: /^(?:commands\/|main\.ts$)/,
  },
];

/** What no file may contain, in its comments neither. */
const MARKS_IN_COMMENTS: typeof MARKS = [
  { title: 'is marked as unfinished', pattern: /\b(?:TODO|FIXME|XXX|HACK)\b/ },
  { title: 'tells a checker to look away', pattern: /@ts-[a-z-]+|\b(?:biome|eslint|c8)[- ]ignore/ },
];

/** What the pure folder may not ask: the time, the machine, the people who read logs. */
const IMPURE =
  /\bDate\.now\b|\bnew Date\b|\bperformance\.|\bset(?:Timeout|Interval|Immediate)\b|\bMath\.random\b|\bconsole\.|\bprocess\./;

describe('architecture', () => {
  it('knows every folder', () => {
    expect(namesOf(FILES.filter((file) => rowOf(file.path) === undefined))).to.deep.equal([]);
  });

  for (const [row, allowed] of Object.entries(ARROWS)) {
    it(`holds ${row} to its arrows`, () => {
      const arrows = FILES.filter(({ path }) => rowOf(path) === row).flatMap((file) =>
        file.ownImports
          .filter((target) => rowOf(target) !== row)
          .filter((target) => !allowed.some((start) => target.startsWith(start)))
          .map((target) => `${file.path} -> ${target}`),
      );
      expect(arrows).to.deep.equal([]);
    });
  }

  it('keeps every package in its one home', () => {
    const strays = FILES.flatMap(({ path, vendorImports }) =>
      vendorImports
        .filter((specifier) => !specifier.startsWith('node:'))
        .filter((specifier) => VENDOR_HOMES[packageOf(specifier)]?.test(path) !== true)
        .map((specifier) => `${path} -> ${specifier}`),
    );
    expect(strays).to.deep.equal([]);
  });

  it('has a home for every package the program needs, and for no other', () => {
    const manifest = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'));
    expect(Object.keys(VENDOR_HOMES)).to.have.members(Object.keys(manifest.dependencies));
  });

  for (const [folder, allowed] of Object.entries(NODE_MODULES_OF)) {
    it(`lets ${folder} import of Node's modules only ${allowed.join(', ') || 'none'}`, () => {
      const strays = FILES.filter(({ path }) => path.startsWith(folder)).flatMap((file) =>
        file.vendorImports
          .filter((specifier) => specifier.startsWith('node:') && !allowed.includes(specifier))
          .map((specifier) => `${file.path} -> ${specifier}`),
      );
      expect(strays).to.deep.equal([]);
    });
  }

  it('keeps protocol/ free of clock, timers, chance and output', () => {
    const impure = FILES.filter(
      ({ path, code }) => path.startsWith('protocol/') && IMPURE.test(code),
    );
    expect(namesOf(impure)).to.deep.equal([]);
  });
});

describe('the house rules', () => {
  for (const { title, pattern, allowed } of MARKS) {
    it(`know no file that ${title}`, () => {
      const found = FILES.filter(({ path, code }) => !allowed?.test(path) && pattern.test(code));
      expect(namesOf(found)).to.deep.equal([]);
    });
  }

  for (const { title, pattern } of MARKS_IN_COMMENTS) {
    it(`know no file that ${title}`, () => {
      expect(namesOf(FILES.filter(({ text }) => pattern.test(text)))).to.deep.equal([]);
    });
  }

  it(`know no file of more than ${FILE_LINES_MAX} lines`, () => {
    const long = FILES.filter(({ text }) => text.split('\n').length > FILE_LINES_MAX + 1);
    expect(namesOf(long)).to.deep.equal([]);
  });

  it('know no export that is left unexplained', () => {
    expect(FILES.flatMap(unexplainedExports)).to.deep.equal([]);
  });
});

describe('the reading of source files', () => {
  const text = [
    '/** import a from "./comment.ts"; */',
    "import '../side-effect.ts';",
    "import { a } from './a.ts';",
    'import type {',
    '  B,',
    "} from './deep/b.ts';",
    "import c, { type D } from 'vendor/part';",
    "export type { G } from './g.ts';",
    "export const NAME = 'name';",
    "export type H = { i: 'j' } | 'k';",
    "// import e from './e.ts';",
    "const lazy = await import('../f.ts');",
    "const text = 'any! TODO'; // as any",
  ].join('\n');
  const file = sourceFile('folder/file.ts', text);

  it('finds imports in every form and none in comments', () => {
    expect(file.ownImports).to.have.members([
      'side-effect.ts',
      'folder/a.ts',
      'folder/deep/b.ts',
      'folder/g.ts',
      'f.ts',
    ]);
    expect(file.vendorImports).to.deep.equal(['vendor/part']);
  });

  it('takes no prose for code', () => {
    for (const { pattern } of MARKS) expect(pattern.test(file.code)).to.equal(false);
  });

  const offences = [
    'export default x;',
    "export * from './a.ts';",
    "export { a, b } from './a.ts';",
    'const x: any = 1;',
    'f(x as any);',
    'const x: Map<string, any> = y;',
    'function f(x: any[]): void {}',
    'x!.y();',
    'f(x!);',
    'x[0]![1];',
    'let x!: string;',
    'export enum A {',
    'const { env } = process.env;',
  ];
  for (const offence of offences) {
    it(`finds the offence in ${offence}`, () => {
      expect(MARKS.some(({ pattern }) => pattern.test(offence))).to.equal(true);
    });
  }

  for (const innocent of ['if (!a) b();', 'a !== b;', 'x = !y;', "f('Hello!');", 'many: string;']) {
    it(`finds none in ${innocent}`, () => {
      expect(MARKS.some(({ pattern }) => pattern.test(innocent))).to.equal(false);
    });
  }

  it('tells an explained export from another', () => {
    const explained = '/** Why. */\nexport function a(): void {}\n';
    const limit = 'export const FRAMES_MAX = 32;\n';
    const bare = 'export interface B {\n  c: number;\n}\n';
    const inside = 'export interface D {\n  /** Why. */\n  e: number;\n}\n';
    const exports = sourceFile('x.ts', explained + limit + bare + inside);
    expect(unexplainedExports(exports)).to.deep.equal(['x.ts: FRAMES_MAX', 'x.ts: B']);
  });
});

function namesOf(files: readonly SourceFile[]): readonly string[] {
  return files.map(({ path }) => path);
}

/** The longest row of ARROWS that `path` belongs to. */
function rowOf(path: string): string | undefined {
  return Object.keys(ARROWS)
    .filter((row) => path === row || (row.endsWith('/') && path.startsWith(row)))
    .sort((a, b) => b.length - a.length)[0];
}

function packageOf(specifier: string): string {
  const [scope = '', name = ''] = specifier.split('/');
  return scope.startsWith('@') ? `${scope}/${name}` : scope;
}

const EXPORT = /^export (?:async )?(?:abstract )?(function|class|const|interface) (\w+)/;
const LIMIT = /_(?:MAX|MIN|MS|BYTES|CHARACTERS)$/;

/**
 * Exports without a doc comment directly above. Four are excused: an interface whose members carry comments; one that only lists
 * what a factory needs; a constant that is no limit, for its name says what it is; the one function or class of a file whose heading
 * says what the file is for.
 */
function unexplainedExports({ path, text }: SourceFile): readonly string[] {
  const lines = text.split('\n');
  const exports = lines.flatMap((line, at) => {
    const [, kind = '', name = ''] = EXPORT.exec(line) ?? [];
    return kind === '' ? [] : [{ kind, name, at, explained: lines[at - 1]?.endsWith('*/') }];
  });
  const isWorker = ({ kind }: { kind: string }) => kind === 'function' || kind === 'class';
  const headed = text.startsWith('/**') && exports.filter(isWorker).length === 1;
  return exports
    .filter(({ explained }) => explained !== true)
    .filter(({ kind, name, at }) => {
      if (kind === 'const') return LIMIT.test(name);
      if (kind === 'interface') return !name.endsWith('Deps') && !bodyAt(lines, at).includes('/**');
      return !headed;
    })
    .map(({ name }) => `${path}: ${name}`);
}

/** The lines from `at` to the brace that closes what opens there. */
function bodyAt(lines: readonly string[], at: number): string {
  const end = lines.indexOf('}', at);
  return lines.slice(at, end).join('\n');
}
