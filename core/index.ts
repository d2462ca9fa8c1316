/**
 * The library: what `import { dump, restore, check } from 'criu-ts'` gives. The functions are those of the command; they print nothing, reject with
 * CrError, stop when the given AbortSignal fires, and tell about their progress through `onProgress`.
 */
export { dump } from './dump/run.js';
export { restore } from './restore/run.js';
export { check, featureNames } from './check/run.js';
export { CrError, ERROR_CODES, type ErrorCode, type ErrorSubject, type KernelCause, type TargetState } from './errors.js';
export { createHooks } from './attach.js';
export type { Hooks, StageContext } from './hooks.js';
export { STAGES, type Operation, type StageInfo, type StageName } from './stages.js';
export { createLog, openLog, type Log, type LogConfig, type OpenLogOptions } from './log.js';
export { defineConfig, type ConfigProfile, type CriuConfig } from './config/define.js';
export { loadConfig, type ConfiguredOptions, type EffectiveConfig, type LoadConfigOptions } from './config/effective.js';
export type { ConfigPlaces } from './config/collect.js';
export type { PluginEntry, PluginRequest } from './config/plugin-request.js';
export type { Provenance } from './config/provenance.js';
export type {
  CheckOptions,
  CheckReport,
  CommonOptions,
  DumpOptions,
  DumpResult,
  FeatureReport,
  ProgressEvent,
  RestoreOptions,
  RestoreResult,
} from './options.js';
export { CRIU_LEVEL, CRIU_TS_VERSION } from './version.js';
