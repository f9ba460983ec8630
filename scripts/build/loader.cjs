// Runs bundle.cjs with V8's code cache beside it. A cache of another Node or of another bundle is refused by V8 and the
// command works as it would without one.
'use strict'
const { readFileSync, writeFileSync } = require('node:fs')
const { Script, constants } = require('node:vm')

const file = `${__dirname}/bundle.cjs`

/** Verbs that admit manifests; all others read, or run for so long that their start does not matter. */
const APPLYING = new Set(['apply', 'create', 'diff', 'validate', 'replace'])

function cacheFile(folder, name) {
  return `${folder}/bundle.${name}.${process.version}-${process.arch}.cache`
}

function readCache() {
  try {
    return readFileSync(cacheFile(__dirname, APPLYING.has(process.argv[2]) ? 'apply' : 'read'))
  } catch {
    return undefined
  }
}

function recordLoads(output) {
  const loaded = new Set(JSON.parse(readFileSync(`${__dirname}/eager.json`, 'utf8')))
  globalThis.__nsctlLoaded = (name) => {
    loaded.add(name)
    return name
  }
  process.on('exit', () => {
    const builtins = process.moduleLoadList.filter(
      (name) => name.startsWith('NativeModule ') && !name.includes('internal/'),
    )
    const lines = [...loaded, ...builtins.map((name) => name.replace('NativeModule ', 'node:'))]
    writeFileSync(output, `${lines.sort().join('\n')}\n`)
  })
}

function load(cachedData) {
  const source = readFileSync(file, 'latin1')
  return new Script(`(function(exports,require,module,__filename,__dirname){${source}\n})`, {
    filename: file,
    cachedData,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  })
}

function run(script) {
  const module = { exports: {} }
  script.runInThisContext()(module.exports, require, module, file, __dirname)
  return module.exports
}

if (process.env.NSCTL_DEBUG_LOADED) recordLoads(process.env.NSCTL_DEBUG_LOADED)
if (require.main === module) run(load(readCache())).main()
else module.exports = { cacheFile, load, run }
