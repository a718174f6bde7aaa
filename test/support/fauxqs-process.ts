/** A process with a local SQS; tells its address over IPC. */
import { isBuiltin, register } from 'node:module';

// It can keep its messages in SQLite, which Node.js 20 lacks and no test asks for.
if (!isBuiltin('node:sqlite')) {
  const stub = 'data:text/javascript,export class DatabaseSync {}';
  const hooks = `export async function resolve(specifier, context, next) {
    if (specifier !== 'node:sqlite') return next(specifier, context);
    return { url: ${JSON.stringify(stub)}, format: 'module', shortCircuit: true };
  }`;
  register(`data:text/javascript,${encodeURIComponent(hooks)}`);
}
const { startFauxqs } = await import('fauxqs');
const server = await startFauxqs({ port: 0, logger: false });
process.send?.(server.address);
process.on('disconnect', () => process.exit());
