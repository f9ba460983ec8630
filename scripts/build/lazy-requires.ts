/** Makes the CommonJS of TypeScript's compiler load what it requires at the first use instead of at once. */
import { readFile } from 'node:fs/promises'
import type { Plugin } from 'esbuild'

/** Packages whose files TypeScript compiled: every import there is a top-level const that is only used as `name.member`. */
const COMPILED_BY_TYPESCRIPT = /[\\/]node_modules[\\/]@oclif[\\/]core[\\/]lib[\\/].*\.js$/

/** oclif listens for errors of standard output as it loads, which makes Node build a stream; we write and listen ourselves. */
const STDOUT_LISTENER = /^process\.stdout\.on\('error', \(err\) => \{\n[^}]*\}\);$/m

const REQUIRE = /^(?:const|var) (\w+_\d+) = (?:(__import(?:Default|Star))\()?require\(("[^"]+")\)\)?;$/gm

/**
 * `const errors_1 = require("../errors");` becomes `const errors_1 = () => require("../errors");` and `errors_1.x`
 * becomes `(errors_1()).x`: of oclif's hundred modules a command then loads those that it uses.
 */
export function lazyRequires(): Plugin {
  return {
    name: 'lazy-requires',
    setup(build) {
      build.onLoad({ filter: COMPILED_BY_TYPESCRIPT }, async ({ path }) => ({
        contents: makeLazy(await readFile(path, 'utf8')),
        loader: 'js',
      }))
    },
  }
}

/** Pure: the module's text with its requires deferred. `require` caches, so a second use costs a lookup. */
export function makeLazy(source: string): string {
  const names: string[] = []
  const deferred = source
    .replace(STDOUT_LISTENER, '')
    .replace(REQUIRE, (_, name: string, wrap: string | undefined, path: string) => {
      names.push(name)
      if (wrap === undefined) return `const ${name} = () => require(${path});`
      return `let ${name}$; const ${name} = () => ${name}$ ??= ${wrap}(require(${path}));`
    })
  if (names.length === 0) return source
  const use = new RegExp(`\\b(${names.join('|')})\\b(?=\\.)`, 'g')
  return deferred.replace(use, '($1())')
}
