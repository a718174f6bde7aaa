import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const FULL_DISK_PROCESS = fileURLToPath(new URL('./full-disk-process.js', import.meta.url));

/** Small enough to fill: room for so many files, one of which holds all the bytes that there are. */
const DISK = 'size=256k,nr_inodes=100,mode=700';

/** Runs the process with a disk of its own, which nobody else sees and which ends with it. */
async function seenOnDisk(folder: string): Promise<Readonly<Record<string, unknown>>> {
  const script = `mount -t tmpfs -o ${DISK} none "$1" && exec "$2" "$3" "$1"`;
  const args = ['-rm', 'sh', '-c', script, 'sh', folder, process.execPath, FULL_DISK_PROCESS];
  const { stdout } = await promisify(execFile)('unshare', args);
  return JSON.parse(stdout);
}

describe('the spool when the disk is full', () => {
  it('refuses in words, loses nothing that it took, and goes on when there is room', async () => {
    await using folder = await makeTemporaryFolder();
    const seen = await seenOnDisk(folder.path);
    expect(seen['accepted']).to.be.greaterThan(50);
    expect(seen['lost']).to.equal(0);
    for (const word of ['refusal', 'check', 'burial']) {
      expect(seen[word]).to.match(/^QueueUnavailableError: .* is full$/);
    }
    expect(seen['afterwards']).to.equal('queued');
    const readOnly = seen['readOnly'];
    expect(readOnly).to.be.an('array').with.lengthOf(3);
    for (const said of Array.isArray(readOnly) ? readOnly : []) {
      expect(said).to.match(/^QueueUnavailableError: .* is read-only$/);
    }
  });
});
