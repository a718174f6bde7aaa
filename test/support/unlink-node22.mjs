// Runs after every install. The package behind `node22` links its binary as node_modules/.bin/node, which npm puts first in the PATH
// of every script: `npm start` would quietly run on that Node instead of the operator's. The tests reach it by its own path.
import { rmSync } from 'node:fs';

rmSync(new URL('../../node_modules/.bin/node', import.meta.url), { force: true });
