// Starts the bundled command. Plain CommonJS and two built-in modules: this file is on the path of every start (vm-findings.md section 8).
'use strict';
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

const folder = join(__dirname, '..', '..', 'dist', 'cli');
const filename = join(folder, 'criu-ts.cjs');

/** Commands whose bytecode is kept by itself: a start reads and links no function that it does not need. */
const KINDS = ['dump', 'restore'];

/** Which bytecode suits a command line; a wrong guess costs only time. */
function kindOf(words) {
  return words.find((word) => KINDS.includes(word)) ?? 'other';
}

/**
 * The bytecode made at set-up for exactly this source, which names it in its first line (`//` and 16 hex digits of its hash): V8 itself compares only
 * lengths. Absent or rejected (another Node, other flags) merely means that the source is compiled again.
 */
function cacheOf(source, kind) {
  return join(folder, `criu-ts.${source.slice(2, 18)}.${kind}.cache`);
}

function readCache(file) {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/** Compiles the bundle, which is wrapped as Node wraps CommonJS modules, and runs its top level. `script` is kept for the rehearsal, which makes the cache from it. */
function load(kind, useCache) {
  // ASCII (config/bundle.mjs): nothing to decode.
  const text = readFileSync(filename, 'latin1');
  const cacheFile = cacheOf(text, kind);
  const cachedData = useCache ? readCache(cacheFile) : undefined;
  const script = new Script(text, { filename, cachedData });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, require, module, filename, folder);
  const { main, end } = module.exports;
  return { script, main, end, cacheFile };
}

module.exports = { load };

if (require.main === module) {
  const words = process.argv.slice(2);
  const { main, end } = load(kindOf(words), true);
  main(words).then(end);
}
