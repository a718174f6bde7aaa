import { watch } from 'node:fs';
import type { Log } from '../../log.ts';

/** Calls `onChange` when something comes into the folder, or seems to; returns what ends it. Events may get lost. */
export type WatchFolder = (path: string, onChange: () => void) => () => void;

/** A watcher that cannot be had is logged: the regular look at the folder finds everything, later. */
export function createFolderWatch(log: Log): WatchFolder {
  return (path, onChange) => {
    try {
      const watcher = watch(path, { persistent: false }, onChange);
      watcher.on('error', (error) => {
        log.warn({ path, err: error }, 'queue.spool.watch_failed');
        watcher.close();
      });
      return () => watcher.close();
    } catch (error) {
      log.warn({ path, err: error }, 'queue.spool.watch_failed');
      return () => undefined;
    }
  };
}
