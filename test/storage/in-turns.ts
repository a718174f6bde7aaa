import { assert } from '../../src/assert.ts';
import type { Store } from '../../src/storage/store.ts';

/** One store to its caller; in truth each call goes to the next of `nodes`, in turns. */
export function inTurns(nodes: readonly Store[]): Store {
  let calls = 0;
  const next = (): Store => {
    const node = nodes[calls % nodes.length];
    assert(node !== undefined, 'there is a node');
    calls += 1;
    return node;
  };
  return {
    driver: next().driver,
    readDevice: (...call) => next().readDevice(...call),
    registerChannel: (...call) => next().registerChannel(...call),
    unregisterChannel: (...call) => next().unregisterChannel(...call),
    dropDevice: (...call) => next().dropDevice(...call),
    putUpdate: (...call) => next().putUpdate(...call),
    ackUpdates: (...call) => next().ackUpdates(...call),
    writeTarget: (...call) => next().writeTarget(...call),
    noteConnected: (...call) => next().noteConnected(...call),
    readTargetType: (...call) => next().readTargetType(...call),
    readKick: (...call) => next().readKick(...call),
    claimWake: (...call) => next().claimWake(...call),
    releaseWake: (...call) => next().releaseWake(...call),
    dropTarget: (...call) => next().dropTarget(...call),
    check: () => next().check(),
    async close() {
      await Promise.all(nodes.map((node) => node.close()));
    },
  };
}
