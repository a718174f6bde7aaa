import type { Log } from '../log.ts';
import type { ProcessIo } from './command-io.ts';

const EXIT_CODE_FAILED = 1;

/** What signals end. */
export interface Stoppable {
  /** Resolves to whether all was done in time. */
  stop(): Promise<boolean>;
  /** What must not outlive the process when it ends at once. */
  kill?(): void;
}

/** The first SIGTERM or SIGINT stops in order; a second one ends the process at once. */
export function stopOnSignal(server: Stoppable, log: Log, io: ProcessIo): void {
  let isStopping = false;
  io.onStopSignal(() => {
    if (isStopping) {
      log.warn({}, 'server.stop.forced');
      server.kill?.();
      io.exit(EXIT_CODE_FAILED);
      return;
    }
    isStopping = true;
    log.info({}, 'server.stop.begun');
    void stopAndExit(server, log, io);
  });
}

/** Never rejects. */
export async function stopAndExit(server: Stoppable, log: Log, io: ProcessIo): Promise<void> {
  try {
    const inTime = await server.stop();
    if (inTime) log.info({}, 'server.stop.done');
    else log.warn({}, 'server.stop.deadline_passed');
    io.exit(inTime ? 0 : EXIT_CODE_FAILED);
  } catch (error) {
    log.error({ err: error }, 'server.stop.failed');
    io.exit(EXIT_CODE_FAILED);
  }
}
