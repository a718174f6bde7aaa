import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

/** One file of src/, as far as its text shows what the rules of the house ask about. */
export interface SourceFile {
  /** From src/ on, with slashes: `socket/session.ts`. */
  readonly path: string;
  readonly text: string;
  /** The text without its comments: what the rules about code look at. */
  readonly code: string;
  /** Imports of our own files, as paths from src/ on. Type-only and dynamic ones count too. */
  readonly ownImports: readonly string[];
  /** Imports of packages and of Node's own modules, as written. */
  readonly vendorImports: readonly string[];
}

// A statement starts its line and a doc comment's line starts with a star: Biome's formatting makes a parser needless.
const STATIC_IMPORT = /^(?:import|(?:import|export|\})[^;'"=]*? from) '([^']+)';$/gm;
const DYNAMIC_IMPORT = /\bimport\('([^']+)'\)/g;

/** Every TypeScript file below `folder`, in the order of their paths. */
export function readSourceFiles(folder: string): readonly SourceFile[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts'))
    .sort()
    .map((path) => sourceFile(path, readFileSync(join(folder, path), 'utf8')));
}

/** What is read out of one file's text. */
export function sourceFile(path: string, text: string): SourceFile {
  const code = withoutComments(text);
  const imports = [...code.matchAll(STATIC_IMPORT), ...code.matchAll(DYNAMIC_IMPORT)].map(
    ([, specifier]) => specifier ?? '',
  );
  const isOwn = (specifier: string) => specifier.startsWith('.');
  return {
    path,
    text,
    code,
    ownImports: imports
      .filter(isOwn)
      .map((specifier) => posix.join(posix.dirname(path), specifier)),
    vendorImports: imports.filter((specifier) => !isOwn(specifier)),
  };
}

/** Leaves comments at the end of a statement only where their slashes follow no blank, as in a URL. */
function withoutComments(text: string): string {
  return text
    .replaceAll(/^\s*\/\*[\s\S]*?\*\/$/gm, '')
    .replaceAll(/^\s*\/\/.*$/gm, '')
    .replaceAll(/ \/\/ .*$/gm, '');
}
