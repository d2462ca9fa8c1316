// `node config/setup.mjs`: brings a clone from nothing to runnable, doing only what is stale. Plain Node: it runs before any package exists.
//   --deps-only  stop after the packages (for lint and type check)
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lib/lock.mjs';
import { SetupError, checkTools } from './lib/tools.mjs';
import { STEPS, dependenciesMatch, installDependencies, isStale, root } from './lib/steps.mjs';

const stampFile = join(root, 'dist', '.stamps.json');

function readStamps() {
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8'));
  } catch {
    // No stamps, or damaged ones: build everything once.
    return {};
  }
}

function runStep(step, stamps) {
  // Hash before building: a file edited while the build runs must count as not built.
  const inputs = step.inputs();
  step.run();
  stamps[step.name] = inputs;
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(stampFile, JSON.stringify(stamps, null, 1));
}

function setup(depsOnly) {
  // First of all: nobody should wait for packages and then read that the compiler is missing.
  const stamps = readStamps();
  const mustCompile = STEPS.some((step) => ['native', 'cuda-helper'].includes(step.name) && step.applies() && isStale(step, stamps));
  checkTools({ native: !depsOnly && mustCompile });
  if (!dependenciesMatch()) installDependencies();
  if (depsOnly) return;
  const failures = [];
  for (const step of STEPS) {
    if (!step.applies() || !isStale(step, stamps)) continue;
    try {
      runStep(step, stamps);
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      failures.push(error);
    }
  }
  // All steps are tried, so that one run shows everything that is wrong; a failed step keeps its old stamp and runs again next time.
  if (failures.length > 0) throw new SetupError(failures.map((failure) => failure.message).join('\n\n'));
}

try {
  const unknown = process.argv.slice(2).find((word) => word !== '--deps-only');
  if (unknown !== undefined) throw new SetupError(`unknown argument ${unknown}; the only one is --deps-only`);
  await withLock(root, () => setup(process.argv.includes('--deps-only')));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`\nsetup: ${error.message}`);
  process.exitCode = 1;
}
