/** Makes imports of Node's costly modules take effect at their first use: most commands never get there. */
import type { Plugin } from 'esbuild'

/** Not part of Node's startup snapshot, seldom needed, and never extended by a class of ours. */
const COSTLY = ['crypto', 'child_process', 'http', 'net', 'perf_hooks', 'readline', 'worker_threads'] as const

/**
 * `import { createHash } from 'node:crypto'` in the sources becomes an import of getters. Requires of packages, and their
 * default and namespace imports, stay as they are.
 */
export function lazyBuiltins(): Plugin {
  return {
    name: 'lazy-builtins',
    setup(build) {
      build.onResolve({ filter: new RegExp(`^node:(${COSTLY.join('|')})$`) }, ({ path, kind, importer }) =>
        kind === 'import-statement' && !importer.includes('node_modules')
          ? { path, namespace: 'lazy-builtin' }
          : undefined,
      )
      build.onLoad({ filter: /.*/, namespace: 'lazy-builtin' }, ({ path }) => ({ contents: gettersOf(path) }))
    },
  }
}

/** Pure: a CommonJS module with the same names, each of which loads the real one. */
export function gettersOf(builtin: string): string {
  const names = Object.keys(process.getBuiltinModule(builtin) ?? {})
  return `for (const name of ${JSON.stringify(names)})
  Object.defineProperty(exports, name, { enumerable: true, get: () => process.getBuiltinModule(${JSON.stringify(builtin)})[name] })`
}
