/** Runs the installed command as a user would. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository, from dist/test/helpers. */
export const repository = join(dirname(fileURLToPath(import.meta.url)), '../../..');
export const launcher = join(repository, 'core/cli/criu-ts');

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Words before the command, such as setpriv with its options. */
  readonly under?: readonly string[];
}

/** No default config files: the machine's own must not change a test. */
export function criuTs(args: readonly string[], options: CommandOptions = {}): SpawnSyncReturns<string> {
  const [command = launcher, ...rest] = [...(options.under ?? []), launcher, ...args, '--no-default-config'];
  return spawnSync(command, rest, {
    encoding: 'utf8',
    timeout: 60_000,
    cwd: options.cwd ?? '/',
    env: options.env ?? { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  });
}
