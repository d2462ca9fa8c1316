/** Versions that plugins and host compare. */

/** Version of the plugin API (semver): hooks, their arguments, the manifest. A removed or changed entry is a new major; an added hook a new minor. */
export const PLUGIN_API = '1.0.0';

/** Version of what a native part and its loader agree on (plugins/sdk/native/criu_ts_plugin.h): one whole number, no ranges. */
export const PLUGIN_NATIVE_ABI = 1;

/** Version of what a task program and its loader agree on (plugins/sdk/native/include/criu_ts_task.h). */
export const PLUGIN_TASK_ABI = 1;

/** Marks what definePlugin() made, also when the SDK that made it is another copy than ours. */
export const PLUGIN_TAG = Symbol.for('criu-ts.plugin');
