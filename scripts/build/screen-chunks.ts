/** Keeps what draws with ink out of the main bundle: it becomes ES modules beside it, loaded by `import()` when it is used. */
import { basename, dirname, resolve, sep } from 'node:path'
import type { Plugin } from 'esbuild'

/** Collects in `found` the files under src/views/tui/ that the rest reaches by dynamic import. */
export function screenChunks(root: string, found: Set<string>): Plugin {
  const folder = resolve(root, 'src/views/tui') + sep
  return {
    name: 'screen-chunks',
    setup(build) {
      build.onResolve({ filter: /\/tui\// }, ({ path, importer, kind }) => {
        const file = resolve(dirname(importer), path)
        if (kind !== 'dynamic-import' || !file.startsWith(folder) || importer.startsWith(folder))
          return undefined
        found.add(file)
        return { path: `./screen-${basename(file, '.ts')}.mjs`, external: true }
      })
    },
  }
}
