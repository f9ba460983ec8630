// Runs bundle.cjs, and the parts beside it that it requires, with V8's code caches. A cache of another Node or of another
// script is refused by V8 and the command works as it would without one.
'use strict'
const { readFileSync, writeFileSync } = require('node:fs')
const { Script, constants } = require('node:vm')

/** The cache of each verb; all others read, or run for so long that their start does not matter. */
const CACHES = {
  apply: ['apply', 'create', 'diff', 'validate', 'replace'],
  secret: ['secret'],
  change: ['scale', 'patch', 'label', 'annotate', 'rollout', 'rollback', 'delete'],
}

function cacheOf(verb) {
  return Object.keys(CACHES).find((name) => CACHES[name].includes(verb)) ?? 'read'
}

/** What has run, by file: the script, for whoever makes its cache, and its exports. */
const ran = new Map()

/** Where the cache `name` is kept: `bundle.read`, `part-yaml`. */
function cacheFile(name) {
  return `${__dirname}/${name}.${process.version}-${process.arch}.cache`
}

function readCache(name) {
  try {
    return readFileSync(cacheFile(name))
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
    const parts = [...ran.keys()].filter((file) => file.startsWith('part-'))
    const lines = [...loaded, ...parts, ...builtins.map((name) => name.replace('NativeModule ', 'node:'))]
    writeFileSync(output, `${lines.sort().join('\n')}\n`)
  })
}

/** Runs a script of this folder as a CommonJS module, once, and returns its exports. */
function run(file, cachedData) {
  const known = ran.get(file)
  if (known !== undefined) return known.module.exports
  const filename = `${__dirname}/${file}`
  // the build has put the function of CommonJS around it: doing it here would copy megabytes
  const script = new Script(readFileSync(filename, 'latin1'), {
    filename,
    cachedData,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  })
  const module = { exports: {} }
  ran.set(file, { script, module })
  script.runInThisContext()(module.exports, requireHere, module, filename, __dirname)
  return module.exports
}

function requireHere(path) {
  if (!path.startsWith('./part-')) return require(path)
  const file = path.slice(2)
  return run(file, readCache(file.slice(0, -'.cjs'.length)))
}

if (process.env.NSCTL_DEBUG_LOADED) recordLoads(process.env.NSCTL_DEBUG_LOADED)
if (require.main === module) run('bundle.cjs', readCache(`bundle.${cacheOf(process.argv[2])}`)).main()
else module.exports = { cacheFile, ran, run }
