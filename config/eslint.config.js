// Type-aware rules first: a promise nobody waits for is a frozen process nobody thaws.
import { join } from 'node:path';
import tseslint from 'typescript-eslint';

/** Folders of core, lowest first, with the folders each may not import (core/docs/architecture.md, "Layers"). */
const LAYERS = ['arch', 'abi', 'program', 'kernel', 'images', 'config', 'pstree', 'resources', 'dump', 'restore', 'cli'];
const FORBIDDEN = {
  arch: ['abi', 'program', 'kernel', 'images', 'resources', 'dump', 'restore', 'cli'],
  abi: ['program', 'kernel', 'images', 'resources', 'dump', 'restore', 'cli'],
  program: ['kernel', 'images', 'resources', 'dump', 'restore', 'cli'],
  kernel: ['images', 'resources', 'dump', 'restore', 'cli'],
  images: ['program', 'kernel', 'resources', 'dump', 'restore', 'cli'],
  config: ['arch', 'program', 'kernel', 'images', 'resources', 'dump', 'restore', 'cli'],
  pstree: ['arch', 'abi', 'program', 'kernel', 'images', 'config', 'resources', 'dump', 'restore', 'cli'],
  resources: ['dump', 'restore', 'cli'],
  dump: ['restore', 'cli'],
  restore: ['dump', 'cli'],
};

const layerRules = LAYERS.filter((layer) => FORBIDDEN[layer] !== undefined).map((layer) => ({
  files: [`core/${layer}/**/*.ts`],
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            group: FORBIDDEN[layer].map((name) => `**/${name}/**`),
            message: `core/${layer} is below that layer (core/docs/architecture.md).`,
            // A resource speaks of the run that it is called with; only the type crosses the border.
            allowTypeImports: true,
          },
          { group: ['**/plugins/sdk/**', '**/plugins/cuda/**', '**/plugins/amdgpu/**'], message: 'Core never imports a plugin.' },
        ],
      },
    ],
    // Only the command line prints or exits; everybody else logs to the run's log or throws a CrError.
    'no-console': 'error',
    'no-restricted-properties': ['error', { object: 'process', property: 'exit', message: 'Only core/cli ends the process.' }],
  },
}));

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      'node_modules/**',
      'native/build/**',
      'plugins/*/native/build/**',
      'plugins/sdk/dist/**',
      // Built and tested as packages of their own (test/integration/plugin-new.test.ts).
      'plugins/sdk/template/**',
      'plugins/sdk/template-native/**',
      'core/images/generated/**',
      'test/.peers/**',
      'test/.work/**',
      'test/fixtures/**',
    ],
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: join(import.meta.dirname, '..') } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false }],
      '@typescript-eslint/no-deprecated': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: false }],
      '@typescript-eslint/no-for-in-array': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
      '@typescript-eslint/no-unsafe-assignment': 'error',
      '@typescript-eslint/no-unsafe-call': 'error',
      '@typescript-eslint/no-unsafe-member-access': 'error',
      '@typescript-eslint/no-unsafe-return': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'none' }],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      '@typescript-eslint/require-await': 'error',
      '@typescript-eslint/return-await': ['error', 'in-try-catch'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      eqeqeq: 'error',
      'max-lines': ['error', { max: 500 }],
      'no-restricted-syntax': ['error', { selector: 'ExportDefaultDeclaration', message: 'Named exports only (plugin entries excepted).' }],
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
  {
    // node:test returns a promise from test() and describe() that the runner itself waits for.
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          ignoreVoid: false,
          allowForKnownSafeCalls: [{ from: 'package', name: ['test', 'it', 'describe', 'suite'], package: 'node:test' }],
        },
      ],
    },
  },
  {
    files: ['plugins/cuda/src/**/*.ts', 'plugins/amdgpu/src/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: ['**/core/**', '**/sdk/**', 'criu-ts'], message: 'Plugins import only @criu-ts/plugin-sdk.' },
            { group: ['@criu-ts/plugin-sdk/testing'], message: 'The test kit is for tests.' },
          ],
        },
      ],
    },
  },
  { files: ['plugins/*/src/index.ts'], rules: { 'no-restricted-syntax': 'off' } },
  ...layerRules,
);
