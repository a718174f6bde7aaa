import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One fenced block of a page. */
export interface Fence {
  readonly language: string;
  readonly text: string;
}

/** One Markdown page of the repository. */
export interface Page {
  /** From the repository's root on. */
  readonly path: string;
  readonly text: string;
  /** The text without its fenced blocks, each run of white space as one blank. */
  readonly prose: string;
  readonly fences: readonly Fence[];
  readonly headings: readonly string[];
  /** Rows of all tables, as their cells. */
  readonly rows: readonly (readonly string[])[];
}

// Three steps up from build/test/docs/, where this file runs.
const ROOT = new URL('../../../', import.meta.url);
const FENCE = /^( *)```(\w*)\n([\s\S]*?)^\1```$/gm;

/** Every page of ours: in the root, below docs/, and that of the suites. */
export function readPages(): readonly Page[] {
  const inRoot = readdirSync(ROOT).filter((name) => name.endsWith('.md'));
  const inDocs = filesBelow('docs').filter((path) => path.endsWith('.md'));
  return [...inRoot, ...inDocs, 'loadtest/README.md'].sort().map(readPage);
}

/** @throws Error when there is no such page. */
export function readPage(path: string): Page {
  const text = readText(path);
  const unfenced = text.replaceAll(FENCE, '');
  return {
    path,
    text,
    prose: unfenced.replaceAll(/\s+/g, ' '),
    fences: [...text.matchAll(FENCE)].map(([, , language = '', inner = '']) => ({
      language,
      text: inner,
    })),
    headings: [...unfenced.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading),
    rows: rowsIn(unfenced),
  };
}

/** The text of a file, by its path from the repository's root on. */
export function readText(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

/** Whether a file or folder of this path, from the repository's root on, is there. */
export function isThere(path: string): boolean {
  return existsSync(new URL(path, ROOT));
}

/** The paths of all files below a folder, from the repository's root on. */
export function filesBelow(folder: string): readonly string[] {
  return readdirSync(fileURLToPath(new URL(folder, ROOT)), {
    recursive: true,
    withFileTypes: true,
  })
    .filter((entry) => entry.isFile())
    .map((entry) => posix.relative(fileURLToPath(ROOT), posix.join(entry.parentPath, entry.name)));
}

/** The part of a page from one heading to the next of the same or a higher level. @throws Error when there is no such heading. */
export function sectionOf({ path, text }: Page, heading: string): string {
  const lines = text.split('\n');
  const begin = lines.findIndex(
    (line) => line.replace(/^#+ /, '') === heading && line.startsWith('#'),
  );
  const marks = /^#+/.exec(lines[begin] ?? '')?.[0];
  if (marks === undefined) throw new Error(`${path} has no heading ${heading}`);
  const rest = lines.slice(begin + 1);
  const end = rest.findIndex((line) => /^#+ /.test(line) && line.indexOf(' ') <= marks.length);
  return (end === -1 ? rest : rest.slice(0, end)).join('\n');
}

/** The rows of the tables in a text, as their cells. */
export function rowsIn(text: string): readonly (readonly string[])[] {
  return [...text.matchAll(/^\|(.*)\|$/gm)].map(([, cells = '']) =>
    cells.split('|').map((cell) => cell.trim()),
  );
}

/** Where a heading is found by a link (as GitHub makes it). */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}
