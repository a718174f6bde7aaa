import { type Config, loadConfig } from '../config/config.ts';
import { problemText } from '../config/problem.ts';
import { type CommandIo, EXIT_CODE_REFUSED } from './command-io.ts';

/** The config that a command works with. When it is refused, says why, sets the exit code, and returns undefined. */
export function configFor(io: CommandIo, path: string | undefined): Config | undefined {
  const loaded = loadConfig({ path, env: io.env });
  if (loaded.ok) return loaded.config;
  for (const problem of loaded.problems) io.stderr(`${problemText(problem)}\n`);
  io.setExitCode(EXIT_CODE_REFUSED);
  return undefined;
}
