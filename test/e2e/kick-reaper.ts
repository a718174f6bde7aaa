import type { Random } from '../support/random.ts';

/** How often a process is looked for that is being started again. */
const LOOK_EVERY_MS = 10;

export interface ReaperDeps {
  /** The process as it is now; rejects while there is none. */
  readonly findPid: () => Promise<number>;
  readonly random: Random;
  /** The most events between two kills, in half of which one comes on average. */
  readonly eventsMax: number;
}

/** Kills one role with SIGKILL at random moments: after a number of events by chance, amid the last of them. */
export class Reaper {
  readonly #deps: ReaperDeps;
  #pid: number | undefined;
  #eventsLeft: number;
  #isStopped = false;
  #search: Promise<void>;
  kills = 0;

  constructor(deps: ReaperDeps) {
    this.#deps = deps;
    this.#eventsLeft = deps.random.upTo(deps.eventsMax);
    this.#search = this.#find(undefined);
  }

  /** Something happened that the role has to do with. The signal is sent before this returns. */
  onEvent(): void {
    this.#eventsLeft--;
    const pid = this.#pid;
    if (this.#eventsLeft > 0 || pid === undefined || this.#isStopped) return;
    this.#pid = undefined;
    this.#eventsLeft = this.#deps.random.upTo(this.#deps.eventsMax);
    process.kill(pid, 'SIGKILL');
    this.kills++;
    this.#search = this.#find(pid);
  }

  /** Kills no more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#search;
  }

  /** Never rejects. A process that has just begun to start is found too: it may die before it is ready. */
  async #find(old: number | undefined): Promise<void> {
    while (!this.#isStopped) {
      const pid = await this.#deps.findPid().catch(() => old);
      if (pid !== old) {
        this.#pid = pid;
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
}
