/**
 * Every option of CRIU 4.2 (criu.md 4.3), and ours: the one place that knows names, values, commands and what is built. The parser, the help
 * text, config files and the tests all read this table.
 */
import { BadValue } from './bad-value.js';
import { parsePluginName } from './plugin-argument.js';
import { disableArgument, enableArgument } from './plugin-settings.js';
import { DEFAULT_VERBOSITY } from '../options.js';
import { type OptionRow, type Scope, flag, notBuilt, optional, toChoice, toInteger, toSize, toVerbosity, value } from './option-row.js';
import type { Provenance } from './provenance.js';
import { type Settings, configuredCommands } from './settings.js';

const VALIDATIONS = ['filesize', 'buildid'] as const;

const D: Scope = ['dump'];
const R: Scope = ['restore'];
const DR: Scope = ['dump', 'restore'];
/** Commands whose output can be JSON. */
const PRINTED: Scope = ['show', 'config', 'plugin'];
const CHECK: Scope = ['check'];
/** What finds plugins. */
const DRP: Scope = ['dump', 'restore', 'plugin'];
/** Commands that read `criu.config.*`. */
const CONFIGURED: Scope = configuredCommands();
/** Options of commands that are not built yet, and of dump when it works together with them. */
const INCREMENTAL: Scope = ['dump', 'pre-dump'];
const SERVERS: Scope = ['dump', 'pre-dump', 'page-server', 'lazy-pages', 'restore'];

/** INT_MAX seconds in CRIU; here a limit in milliseconds that still fits a kernel timespec and a JavaScript timer. */
const MAX_TIMEOUT_SECONDS = 2_000_000;
/** PID_MAX_LIMIT of include/linux/threads.h. */
const MAX_PID = 1 << 22;

function addPluginDir({ plugins: { folders } }: Settings, path: string, from: Provenance): void {
  if (path === '') throw new BadValue('an empty text is no folder');
  folders.push({ path, from });
}

const generic: readonly OptionRow[] = [
  value(
    'tree',
    'root of the tree to dump',
    { short: 't', scope: D, takes: 'number', inConfig: false },
    (s, text) => (s.engine.pid = toInteger(text, 1, MAX_PID, 'a process id')),
  ),
  flag('leave-running', 'the tree goes on after the dump', { short: 'R', scope: D }, (s) =>
    Object.assign(s.engine, { leaveRunning: true, leaveStopped: false }),
  ),
  flag('leave-stopped', 'the tree stays stopped', { short: 's', scope: DR }, (s) =>
    Object.assign(s.engine, { leaveRunning: false, leaveStopped: true }),
  ),
  flag(
    'restore-detached',
    'end after the restore, do not wait',
    { short: 'd', negatable: true, scope: R },
    (s, on) => (s.engine.detached = on),
  ),
  flag('daemon', 'the same as --restore-detached', { negatable: true, scope: R }, (s, on) => (s.engine.detached = on)),
  flag(
    'restore-sibling',
    'the root becomes our sibling; needs -d',
    { short: 'S', negatable: true, scope: R },
    (s, on) => (s.engine.sibling = on),
  ),
  value('images-dir', 'folder of the images (default .)', { short: 'D' }, (s, text) => (s.engine.imagesDir = text)),
  value('work-dir', 'folder of log, stats, pidfile (default -D)', { short: 'W' }, (s, text) => (s.engine.workDir = text)),
  value('pidfile', 'write the root pid to a new file', { scope: R }, (s, text) => (s.pidfile = text)),
  value('close', 'close this descriptor first', { takes: 'number', many: true }, (s, text) =>
    (s.closeFds ??= []).push(toInteger(text, 0, 1 << 20, 'a descriptor')),
  ),
  value('config', 'one more configuration file', { inConfig: false }, (s, text) => (s.config = text)),
  value('profile', 'profile of criu.config.* to use', { scope: CONFIGURED, criu: false, inConfig: false }, (s, text) => (s.profile = text)),
  flag('no-default-config', 'do not read the default files', { inConfig: false }, (s) => (s.noDefaultConfig = true)),
  value('freeze-cgroup', 'freeze through the cgroup in this folder', { scope: D }, (s, text) => (s.engine.freezeCgroup = text)),
  value('timeout', 'seconds to freeze the tree (default 10)', { scope: D, takes: 'number' }, (s, text) => {
    s.engine.timeoutMs = toInteger(text, 0, MAX_TIMEOUT_SECONDS, 'a number of seconds') * 1000;
  }),
  value('action-script', 'program to run at fixed points', { scope: DR, many: true }, (s, text) =>
    (s.engine.actionScripts ??= []).push(text),
  ),
  flag('dry-run', 'all checks, nothing touched', { scope: DR, criu: false }, (s) => (s.engine.dryRun = true)),
  value('trace-programs', 'keep every syscall program here', { scope: DR, criu: false }, (s, text) => (s.engine.tracePrograms = text)),
  value('emit-c', 'write every syscall program as a C file here', { scope: DR, criu: false }, (s, text) => (s.engine.emitC = text)),
  flag('step', 'run programs in tasks op by op from outside (slow)', { scope: D, criu: false }, (s) => (s.engine.step = true)),
  flag('help', 'this text', { short: 'h', inConfig: false }, (s) => (s.help = true)),
  flag('version', 'version', { short: 'V', inConfig: false }, (s) => (s.version = true)),
  // CRIU refuses these beside a command that has no use for them; so do we.
  notBuilt('exec-cmd', 'none', 'all'),
  notBuilt('cpu-cap', 'optional', DR, { harmless: ['none'], valid: /^(?:\^*(?:cpu|fpu|all|ins|none),*)*$/ }),
  notBuilt('unprivileged', 'none', 'all', { negatable: true }),
  notBuilt('weak-sysctls', 'none', R, { negatable: true }),
  notBuilt('allow-uprobes', 'none', DR, { negatable: true }),
  notBuilt('deprecated', 'none', DR, { negatable: true }),
  notBuilt('stream', 'none', 'all', { negatable: true }),
  notBuilt('mntns-compat-mode', 'none', 'all', { negatable: true }),
  notBuilt('ms', 'none', 'all'),
];

/** Places of plugins and what the restore may do without: order counts, so the nearest place is asked first. */
const plugins: readonly OptionRow[] = [
  value(
    'enable-plugin',
    'load NAME|PATH[@RANGE][:key=value,...]',
    { scope: DRP, criu: false, nearestFirst: true, inConfig: false },
    ({ plugins: switches }, text, from) => enableArgument(switches, text, from),
  ),
  value(
    'disable-plugin',
    'do not load this plugin',
    { scope: DRP, criu: false, nearestFirst: true, inConfig: false },
    ({ plugins: switches }, text, from) => disableArgument(switches, text, from),
  ),
  value('plugin-dir', 'search this folder for plugins', { scope: DRP, criu: false, nearestFirst: true, inConfig: false }, addPluginDir),
  value('libdir', 'the same as --plugin-dir', { short: 'L', scope: DRP, nearestFirst: true, many: true }, addPluginDir),
  value(
    'allow-missing-plugin',
    'restore without a plugin of the images',
    { scope: ['restore', 'plugin'], criu: false, nearestFirst: true, many: true },
    (s, text) => (s.engine.allowMissingPlugins ??= []).push(parsePluginName(text)),
  ),
  flag('native', 'plugin new: with a native part', { scope: ['plugin'], criu: false, inConfig: false }, (s, on) => (s.native = on)),
  flag('stages', 'plugin list: who runs in which stage', { scope: ['plugin'], criu: false, inConfig: false }, (s, on) => (s.stages = on)),
];

const external: readonly OptionRow[] = [
  notBuilt('external', 'required', DR),
  notBuilt('inherit-fd', 'required', 'all'),
  notBuilt('ext-mount-map', 'required', DR, { short: 'M', valid: /^auto$|:/ }),
  notBuilt('enable-external-sharing', 'none', DR),
  notBuilt('enable-external-masters', 'none', DR),
  notBuilt('ext-unix-sk', 'optional', DR, { short: 'x' }),
  notBuilt('veth-pair', 'required', R, { valid: /=/ }),
  notBuilt('skip-mnt', 'required', D),
  notBuilt('enable-fs', 'required', D),
  notBuilt('join-ns', 'required', R, { short: 'J', valid: /^(?:net|uts|ipc|time|user|mnt):./ }),
  notBuilt('empty-ns', 'required', DR, { valid: /^net$/ }),
  notBuilt('root', 'required', DR, { short: 'r' }),
];

const objects: readonly OptionRow[] = [
  flag(
    'shell-job',
    'accept a session leader outside the tree',
    { short: 'j', negatable: true, scope: DR },
    (s, on) => (s.engine.shellJob = on),
  ),
  flag('link-remap', 'link deleted files that have other names', { negatable: true, scope: D }, (s, on) => (s.engine.linkRemap = on)),
  flag('evasive-devices', 'find devices by number', { negatable: true, scope: DR }, (s, on) => (s.engine.evasiveDevices = on)),
  value(
    'ghost-limit',
    'biggest deleted file to keep (default 1M)',
    { scope: D, takes: 'size' },
    (s, text) => (s.engine.ghostLimit = toSize(text)),
  ),
  flag('ghost-fiemap', 'keep holes of deleted files (default on)', { negatable: true, scope: D }, (s, on) => (s.engine.ghostFiemap = on)),
  value('file-validation', 'filesize, or buildid (default; ELF files by that, too)', { scope: DR, takes: VALIDATIONS }, (s, text) => {
    s.engine.fileValidation = toChoice(text, VALIDATIONS);
  }),
  flag('skip-file-rwx-check', 'do not compare file modes', { negatable: true, scope: R }, (s, on) => (s.engine.skipFileRwxCheck = on)),
  flag('file-locks', 'dump file locks', { short: 'l', negatable: true, scope: DR }, (s, on) => (s.engine.fileLocks = on)),
  notBuilt('tcp-established', 'none', DR, { negatable: true }),
  notBuilt('tcp-close', 'none', DR, { negatable: true }),
  notBuilt('skip-in-flight', 'none', D, { negatable: true }),
  notBuilt('network-lock', 'required', D, { harmless: ['skip', 'none'], valid: /^(?:iptables|nftables|skip|none)$/ }),
  notBuilt('force-irmap', 'none', D, { negatable: true }),
  notBuilt('irmap-scan-path', 'required', D),
  notBuilt('lsm-profile', 'required', R),
  notBuilt('lsm-mount-context', 'required', R),
  notBuilt('manage-cgroups', 'optional', DR, { harmless: ['none', 'ignore'], valid: /^(?:|none|props|soft|full|strict|ignore)$/ }),
  notBuilt('cgroup-root', 'required', DR),
  notBuilt('cgroup-props', 'required', D),
  notBuilt('cgroup-props-file', 'required', D),
  notBuilt('cgroup-dump-controller', 'required', D),
  notBuilt('cgroup-yard', 'required', DR),
];

const memory: readonly OptionRow[] = [
  notBuilt('track-mem', 'none', INCREMENTAL, { negatable: true }),
  notBuilt('prev-images-dir', 'required', INCREMENTAL),
  notBuilt('auto-dedup', 'none', SERVERS, { negatable: true }),
  // CRIU reads it in a pre-dump only; zdtm gives it to every dump.
  notBuilt('pre-dump-mode', 'required', ['pre-dump'], { harmless: ['splice', 'read'], valid: /^(?:splice|read)$/ }),
  notBuilt('page-server', 'none', SERVERS, { negatable: true }),
  notBuilt('address', 'required', SERVERS),
  notBuilt('port', 'required', SERVERS, { valid: /^0*[1-9]\d*$/ }),
  notBuilt('ps-socket', 'required', SERVERS),
  notBuilt('lazy-pages', 'none', SERVERS),
  notBuilt('status-fd', 'required', SERVERS, { valid: /^\d+$/ }),
  notBuilt('tls', 'none', SERVERS, { negatable: true }),
  notBuilt('tls-cacert', 'required', SERVERS),
  notBuilt('tls-cacrl', 'required', SERVERS),
  notBuilt('tls-cert', 'required', SERVERS),
  notBuilt('tls-key', 'required', SERVERS),
  notBuilt('tls-no-cn-verify', 'none', SERVERS),
];

const logging: readonly OptionRow[] = [
  value('log-file', 'log to a file in the work dir; - is stdout', { short: 'o' }, (s, text) => (s.engine.logFile = text)),
  flag('log-pid', 'accepted: all our lines are in one log', { negatable: true }, (s, on) => (s.logPid = on)),
  optional('verbosity', '0 to 4 (default 2); -v, -vv, -v4', { short: 'v', takes: 'number' }, (s, text) => {
    s.engine.verbosity = toVerbosity(text, s.engine.verbosity ?? DEFAULT_VERBOSITY);
  }),
  flag('display-stats', 'print the statistics', { negatable: true, scope: DR }, (s, on) => (s.displayStats = on)),
  value('feature', 'check only this feature', { scope: CHECK }, (s, text) => (s.engine.feature = text)),
  flag('extra', 'check what some programs need', { negatable: true, scope: CHECK }, (s, on) => (s.engine.extra = on)),
  flag('experimental', 'check experimental features', { negatable: true, scope: CHECK }, (s, on) => (s.engine.experimental = on)),
  flag('all', 'both', { scope: CHECK }, (s) => Object.assign(s.engine, { extra: true, experimental: true })),
  value(
    'format',
    'text (default) or json',
    { scope: PRINTED, criu: false, inConfig: false },
    (s, text) => (s.format = toChoice(text, ['text', 'json'] as const)),
  ),
  flag('json', 'the same as --format json', { scope: PRINTED, criu: false, inConfig: false }, (s) => (s.format = 'json')),
  flag('pretty', 'JSON with names for flags, as crit show', { scope: ['show'], criu: false, inConfig: false }, (s) => (s.pretty = true)),
];

/** Groups with the titles of the help text. */
export const OPTION_GROUPS: readonly (readonly [string, readonly OptionRow[]])[] = [
  ['General', generic],
  ['Plugins', plugins],
  ['External resources', external],
  ['Files, processes, network', objects],
  ['Memory and servers', memory],
  ['Log and check', logging],
];

export const OPTION_ROWS: readonly OptionRow[] = OPTION_GROUPS.flatMap(([, rows]) => rows);
