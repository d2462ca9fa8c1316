/** Imports a plugin and checks that it is what its manifest says. From here on code of the plugin runs, with our rights. */
import { pathToFileURL } from 'node:url';
import { dirname } from 'node:path';
import semver from 'semver';
import { importCode } from '../config/code.js';
import { CrError } from '../errors.js';
import { importModule } from '../import-module.js';
import { capabilityProblem } from './capabilities.js';
import { PLUGIN_API, PLUGIN_NATIVE_ABI, PLUGIN_TAG } from './api-version.js';
import type { Manifest, PluginDefinition } from './definition.js';
import { readOptions } from './option-values.js';
import type { LoadedPlugin } from './session.js';
import { manifestDifferences, manifestOf, manifestProblems } from './validate.js';

/** A plugin that is given as an object, with the options that its factory was called with. */
export interface ConfiguredPlugin {
  readonly plugin: PluginDefinition;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface LoadRequest {
  /** For messages: the name or path that the user gave, or the folder. */
  readonly what: string;
  readonly source: string;
  readonly folder: string;
  /** That of package.json, when there is one. */
  readonly manifest: Manifest | null;
  readonly range: string | undefined;
  readonly options: Readonly<Record<string, unknown>>;
}

function refuse(what: string, message: string, hint?: string, cause?: unknown): CrError {
  return new CrError('CR_PLUGIN', {
    message: `plugin ${what}: ${message}`,
    target: 'not started',
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The error for what versionProblem() says. */
export function wrongVersion(what: string, problem: string): CrError {
  return new CrError('CR_PLUGIN_VERSION', { message: `plugin ${what}: ${problem}`, target: 'not started' });
}

function isObject(value: unknown): value is Readonly<Record<PropertyKey, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** Whether definePlugin() made it. */
export function isDefinition(value: unknown): value is PluginDefinition {
  return isObject(value) && value[PLUGIN_TAG] === true;
}

/** What a factory such as cuda({ ... }) returns, or the plugin itself. */
export function asConfigured(value: object): ConfiguredPlugin | null {
  if (isDefinition(value)) return { plugin: value, options: {} };
  const { plugin, options } = value as Partial<ConfiguredPlugin>;
  return isDefinition(plugin) ? { plugin, options: isObject(options) ? options : {} } : null;
}

/** Why a plugin of this version cannot be used here, or null. */
export function versionProblem({ name, version, api, native }: Manifest, range: string | undefined): string | null {
  if (!semver.satisfies(PLUGIN_API, api)) return `${name} ${version} works with plugin API ${api}, this criu-ts has ${PLUGIN_API}`;
  if (range !== undefined && !semver.satisfies(version, range, { includePrerelease: true }))
    return `${name} is ${version}, asked for was ${range}`;
  if (native && native.abi !== PLUGIN_NATIVE_ABI)
    return `${name} ${version} has a native part of ABI ${native.abi}, this criu-ts has ${PLUGIN_NATIVE_ABI}`;
  return null;
}

/** What is wrong with package.json, now that the definition says which SDK checked the names of its hooks. */
function packageProblems(written: Manifest, defined: Manifest): string[] {
  const { sdk } = defined;
  return [...(sdk === undefined ? [] : manifestProblems({ ...written, sdk })), ...manifestDifferences(written, defined)];
}

/** Checks a definition and its options. @throws CrError CR_PLUGIN, CR_PLUGIN_VERSION */
export function loadDefinition(definition: unknown, request: LoadRequest): LoadedPlugin {
  const { what } = request;
  if (!isDefinition(definition))
    throw refuse(
      what,
      'its default export was not made by definePlugin()',
      'Export definePlugin({ ... }) of @criu-ts/plugin-sdk as default.',
    );
  const manifest = manifestOf(definition);
  const problems = manifestProblems(manifest);
  if (problems.length === 0 && request.manifest) problems.push(...packageProblems(request.manifest, manifest));
  if (problems.length > 0)
    throw refuse(
      what,
      `${problems.length} mistake${problems.length === 1 ? '' : 's'} in its definition:\n${problems.map((line) => `  ${line}`).join('\n')}`,
    );
  const version = versionProblem(manifest, request.range);
  if (version !== null) throw wrongVersion(what, version);
  const rights = capabilityProblem(manifest.capabilities);
  if (rights !== null) throw refuse(what, rights, 'Run criu-ts with it, or leave the plugin out.');
  try {
    const options = readOptions(manifest.options ?? {}, request.options);
    return { manifest, definition, options, source: request.source, folder: request.folder };
  } catch (error) {
    throw refuse(
      what,
      error instanceof Error ? error.message : String(error),
      `Its options: ${Object.keys(manifest.options ?? {}).join(', ') || 'none'}.`,
      error,
    );
  }
}

/** Imports the file. @throws CrError CR_PLUGIN, CR_PLUGIN_VERSION */
export async function loadFile(file: string, request: Omit<LoadRequest, 'source' | 'folder'>): Promise<LoadedPlugin> {
  let module: unknown;
  try {
    module = await (/\.[cm]?ts$/.test(file) ? importCode(file, 'plugin') : importModule(pathToFileURL(file).href));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw refuse(request.what, `cannot be loaded: ${message.split('\n')[0]}`, `Look at ${file}.`, error);
  }
  const definition = isObject(module) ? module['default'] : undefined;
  return loadDefinition(definition, { ...request, source: file, folder: dirname(file) });
}
