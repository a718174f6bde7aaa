import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { EMPTY_MEMORY, parseMemory } from '../../src/client/memory.ts';
import {
  MemoryFileError,
  readMemoryFile,
  writeMemoryFile,
} from '../../src/commands/memory-file.ts';

const MEMORY = parseMemory({
  deviceId: '0123456789abcdef0123456789abcdef',
  channels: [{ channelId: 'e0a713a4-e5eb-42e5-a70f-4f0aba5acc46', lastVersion: 7 }],
});

describe('commands/memory-file', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'reveille-'));
    path = join(folder, 'device.json');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is empty when there is no file', () => {
    expect(readMemoryFile(path)).to.deep.equal(EMPTY_MEMORY);
  });

  it('reads what it wrote, the last time', () => {
    const memory = MEMORY ?? EMPTY_MEMORY;
    writeMemoryFile(path, EMPTY_MEMORY);
    writeMemoryFile(path, memory);
    expect(readMemoryFile(path)).to.deep.equal(memory);
  });

  it('leaves one file that only its owner can read', () => {
    writeMemoryFile(path, EMPTY_MEMORY);
    expect(readdirSync(folder)).to.deep.equal(['device.json']);
    expect(statSync(path).mode & 0o777).to.equal(0o600);
  });

  it('is for its owner alone also when an older file was for all', () => {
    writeFileSync(path, '{"channels":[]}', { mode: 0o644 });
    writeMemoryFile(path, EMPTY_MEMORY);
    expect(statSync(path).mode & 0o777).to.equal(0o600);
  });

  for (const text of ['', '{', '[]', '{"channels":[{}]}']) {
    it(`refuses a file that holds ${JSON.stringify(text)}, and leaves it`, () => {
      writeFileSync(path, text);
      expect(() => readMemoryFile(path)).to.throw(MemoryFileError, "holds no device's memory");
      expect(readFileSync(path, 'utf8')).to.equal(text);
    });
  }

  it('throws MemoryFileError when the file cannot be read or written', () => {
    expect(() => readMemoryFile(folder)).to.throw(MemoryFileError, 'cannot read');
    expect(() => writeMemoryFile(join(path, 'no', 'folder'), EMPTY_MEMORY)).to.throw(
      MemoryFileError,
      'cannot write',
    );
  });
});
