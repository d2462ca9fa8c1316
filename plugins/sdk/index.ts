/** Everything that a plugin imports. The types come from the engine; the code is definePlugin() and what the test kit adds (./testing). */
export { type Configured, configurable, definePlugin } from './define.js';
/** For a criu.config.ts where the SDK is installed and criu-ts is not (core/docs/config.md). */
export { type ConfigProfile, type CriuConfig, defineConfig } from '../../core/config/define.js';
export { PLUGIN_API, PLUGIN_NATIVE_ABI, PLUGIN_TASK_ABI } from '../../core/plugins/api-version.js';
export { CrError, type CrErrorFields, type ErrorCode, type ErrorSubject, type TargetState } from '../../core/errors.js';
export type * from '../../core/plugins/contexts.js';
export type * from '../../core/plugins/definition.js';
export type {
  HookFunction,
  HookInfo,
  HookKind,
  HookName,
  HookTypes,
  StageHookFunction,
  StageHookName,
} from '../../core/plugins/hook-table.js';
