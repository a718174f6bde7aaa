/** A process with an embedded store, driven from outside: see child-store.ts. Its arguments are the store's folder. */
import { assert } from '../../../src/assert.ts';
import { openEmbeddedStore } from '../../../src/storage/embedded.ts';
import { HandClock } from '../hand-clock.ts';
import { EMBEDDED_DEFAULTS } from './embedded-defaults.ts';

/** One call of a method of the store, at the time that is told with it. */
interface Call {
  readonly id: number;
  readonly nowMs: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

const [, , path = ''] = process.argv;
const clock = new HandClock();
const store = await openEmbeddedStore({ ...EMBEDDED_DEFAULTS, path, clock });

// A write beyond the limit of file sizes then fails as it does on a full disk, instead of ending the process.
process.on('SIGXFSZ', () => undefined);
process.on('message', (message) => {
  assert(isCall(message), 'only calls are sent');
  clock.moveMs(message.nowMs - clock.nowMs());
  if (message.method === 'exit') process.exit(Number(message.args[0]));
  void answer(message);
});
process.send?.({ id: 0, answer: 'ready' });

async function answer({ id, method, args }: Call): Promise<void> {
  try {
    const call: unknown = Reflect.get(store, method);
    assert(typeof call === 'function', `a store can ${method}`);
    process.send?.({ id, answer: await Reflect.apply(call, store, args) });
  } catch (error) {
    process.send?.({ id, error: String(error) });
  }
}

function isCall(message: unknown): message is Call {
  return typeof message === 'object' && message !== null && 'method' in message;
}
