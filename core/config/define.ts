/** The types of `criu.config.*`. This file is on the path of every configuration file that imports `criu-ts`: nothing else is loaded with it. */
import type { OptionDefaults } from './option-defaults.js';
import type { PluginEntry } from './plugin-request.js';

/** What a configuration and each of its profiles can say. Options have the names of the command line in camel case. */
export interface ConfigProfile extends OptionDefaults {
  /** Plugins to load, the most important first: `NAME[@RANGE]`, `PATH[@RANGE]` (relative to the configuration file), a plugin, or one of these with options. */
  plugins?: readonly PluginEntry[];
  /** Names of plugins: of several that claim one object, the one named first gets it. */
  ranking?: readonly string[];
  /** Folders with plugins, relative to the configuration file. */
  pluginDirs?: readonly string[];
  /** Names of plugins that are not loaded, wherever they are found. */
  disable?: readonly string[];
}

/** What `criu.config.*` exports. */
export interface CriuConfig extends ConfigProfile {
  /** Chosen by `--profile NAME`; what a profile says goes before what stands outside of it. */
  profiles?: Readonly<Record<string, ConfigProfile>>;
}

/** Gives a configuration its type; the value stays as it is. */
export function defineConfig(config: CriuConfig): CriuConfig {
  return config;
}
