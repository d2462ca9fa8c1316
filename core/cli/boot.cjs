// Starts the bundled command. Plain CommonJS and two built-in modules: this file is on the path of every start (vm-findings.md section 8).
'use strict';
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

const folder = join(__dirname, '..', '..', 'dist', 'cli');
const filename = join(folder, 'criu-ts.cjs');

/**
 * The bytecode made at set-up for exactly this source, which names it in its first line: V8 itself compares only lengths. Absent or rejected
 * (another Node, other flags) merely means that the source is compiled again.
 */
function readCache(source) {
  try {
    return readFileSync(join(folder, cacheName(source)));
  } catch {
    return undefined;
  }
}

/** The bundle starts with `//` and 16 hex digits of its hash. */
function cacheName(source) {
  return `criu-ts.${source.slice(2, 18)}.cache`;
}

/** Compiles the bundle as a CommonJS module and runs its top level. `script` is kept for the rehearsal, which makes the cache from it. */
function load(useCache) {
  const text = readFileSync(filename, 'utf8');
  const cachedData = useCache ? readCache(text) : undefined;
  const script = new Script(`(function (exports, require, module, __filename, __dirname) {${text}\n})`, { filename, cachedData });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, require, module, filename, folder);
  return { script, main: module.exports.main, cacheFile: join(folder, cacheName(text)) };
}

module.exports = { load };

if (require.main === module) {
  // process.exit: kernel threads of the addon may still be idle, and all output was written synchronously.
  load(true)
    .main(process.argv.slice(2))
    .then((status) => process.exit(status));
}
