import { closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** The folder cannot be used as a spool. The message is for the operator. */
export class SpoolFolderError extends Error {
  override readonly name = 'SpoolFolderError';
}

const FOLDER_MODE = 0o700;
const OTHERS_MAY_WRITE = 0o022;

/** Makes the folder and those above it when missing, and has each survive a loss of power. @throws SpoolFolderError */
export function makeFolder(path: string): void {
  const firstMade = mkdirSync(path, { recursive: true, mode: FOLDER_MODE });
  if (firstMade !== undefined) {
    for (let made = path; made.length >= firstMade.length; made = dirname(made)) {
      const above = openSync(dirname(made), 'r');
      fsyncSync(above);
      closeSync(above);
    }
  }
  const { uid, mode } = statSync(path);
  const ownUid = process.getuid?.() ?? uid;
  if (uid !== ownUid) {
    throw new SpoolFolderError(
      `the folder ${path} belongs to user ${uid}, and this process runs as user ${ownUid}: run it as the owner, or name another folder in queue.spool.path`,
    );
  }
  if ((mode & OTHERS_MAY_WRITE) !== 0) {
    throw new SpoolFolderError(
      `the folder ${path} may be written by others: take that from them with "chmod go-w ${path}"`,
    );
  }
}
