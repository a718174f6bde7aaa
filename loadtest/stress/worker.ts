/** A client process of stress. It is told each step, and says what came of it. */
import { unreachable } from '../../src/assert.ts';
import { Load } from './load.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { connectAll, lastCheck, runPhase } from './phases.ts';
import { type Plan, phasesOf } from './plan.ts';

interface Run {
  readonly plan: Plan;
  readonly load: Load;
}

let run: Run | undefined;
let cutShort = new AbortController();

async function onMessage(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'begin': {
      const { plan, index, startedAtEpochMs } = message;
      const load = new Load({
        plan,
        index,
        startedAtEpochMs,
        onSecond: (sample) => tell({ kind: 'second', sample }),
        onImpossible: (reason) => tell({ kind: 'impossible', reason }),
      });
      run = { plan, load };
      await connectAll(load);
      tell({ kind: 'connected', ready: load.crowd.ready });
      return;
    }
    case 'phase': {
      const { plan, load } = runOf();
      const phase = phasesOf(plan)[message.number];
      if (phase === undefined) throw new Error(`there is no phase ${message.number}`);
      cutShort = new AbortController();
      const result = await runPhase(load, { plan, phase, signal: cutShort.signal });
      tell({ kind: 'phaseDone', result });
      return;
    }
    case 'cutShort':
      cutShort.abort();
      return;
    case 'finish': {
      const { plan, load } = runOf();
      await lastCheck(load, plan);
      tell({ kind: 'finished', result: load.end() });
      return;
    }
    default:
      unreachable(message);
  }
}

function runOf(): Run {
  if (run === undefined) throw new Error('told to go on before it began');
  return run;
}

function tell(message: FromWorker): void {
  process.send?.(message);
}

process.on('message', (message: ToWorker) => {
  onMessage(message).catch((error: Error) => {
    tell({ kind: 'impossible', reason: `a client process failed: ${error.stack}` });
  });
});
// A terminal interrupts the whole group; what that means is the coordinator's to say.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());
