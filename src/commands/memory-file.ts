/** A device's memory in a file. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type DeviceMemory, EMPTY_MEMORY, parseMemory } from '../client/memory.ts';

/** Only its owner may read it: who has the device id and the endpoints is the device. */
const FILE_MODE = 0o600;

/** The file cannot be read, is no device's memory, or cannot be written. */
export class MemoryFileError extends Error {
  override readonly name = 'MemoryFileError';
}

/**
 * The memory in the file at `path`; empty when there is no such file.
 *
 * @throws MemoryFileError
 */
export function readMemoryFile(path: string): DeviceMemory {
  const text = readIfThere(path);
  if (text === undefined) return EMPTY_MEMORY;
  const memory = parseMemory(parseJson(text));
  if (memory) return memory;
  throw new MemoryFileError(`${path} holds no device's memory`);
}

/**
 * Replaces the file in one step: whatever happens meanwhile, it is the old or the new one.
 *
 * @throws MemoryFileError
 */
export function writeMemoryFile(path: string, memory: DeviceMemory): void {
  const unfinishedPath = `${path}.${process.pid}.tmp`;
  try {
    const text = `${JSON.stringify(memory, undefined, 2)}\n`;
    writeFileSync(unfinishedPath, text, { mode: FILE_MODE, flush: true });
    renameSync(unfinishedPath, path);
  } catch (cause) {
    throw new MemoryFileError(`cannot write ${path}`, { cause });
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new MemoryFileError(`cannot read ${path}`, { cause });
  }
}

/** Undefined for what is no JSON, which is no memory either. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
