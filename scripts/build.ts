/**
 * Builds dist/ from src/: one bundle with a V8 code cache made after a run, so that a command starts about as fast as Node
 * itself. What draws with ink is a bundle of its own, loaded by `watch` only (ink is ESM with top-level await).
 *
 *     node scripts/build.ts
 */
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { type BuildOptions, build, type Metafile } from 'esbuild'
import { lazyBuiltins } from './build/lazy-builtins.ts'
import { lazyRequires } from './build/lazy-requires.ts'
import { asFunction, buildPart, PARTS, packageParts } from './build/package-parts.ts'
import { RECORDER, recordLoads } from './build/record-loads.ts'
import { screenChunks } from './build/screen-chunks.ts'
import { sourceStamp } from './prepare/stamp.mjs'

const root = resolve(import.meta.dirname, '..')
const dist = join(root, 'dist')

const shared: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node24',
  charset: 'ascii',
  legalComments: 'none',
  minifySyntax: true,
  minifyWhitespace: true,
  metafile: true,
  define: { 'process.env.NODE_ENV': '"production"' },
  logLevel: 'warning',
}

async function buildMain(outdir: string): Promise<ReadonlySet<string>> {
  const screens = new Set<string>()
  const result = await build({
    ...shared,
    entryPoints: { bundle: 'src/commands/entry.ts' },
    outdir,
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    define: {
      ...shared.define,
      'import.meta.url': '__nsctlUrl',
      'import.meta.dirname': '__dirname',
      'import.meta.filename': '__filename',
    },
    banner: { js: `${RECORDER}const __nsctlUrl=require("node:url").pathToFileURL(__filename).href;` },
    plugins: [lazyBuiltins(), lazyRequires(), packageParts(), screenChunks(root, screens)],
  })
  const bundle = join(outdir, 'bundle.cjs')
  writeFileSync(bundle, asFunction(recordLoads(readFileSync(bundle, 'latin1'))), 'latin1')
  writeFileSync(join(outdir, 'eager.json'), JSON.stringify(eagerInputs(result.metafile as Metafile), null, 1))
  return screens
}

/** What runs whatever the verb: all that the entry reaches without a dynamic import. */
function eagerInputs(metafile: Metafile): readonly string[] {
  const seen = new Set<string>()
  const visit = (input: string) => {
    if (seen.has(input)) return
    seen.add(input)
    for (const { path, kind } of metafile.inputs[input]?.imports ?? [])
      if (kind === 'import-statement' && path.startsWith('src/')) visit(path)
  }
  visit('src/commands/entry.ts')
  return [...seen].sort()
}

async function buildScreens(outdir: string, screens: ReadonlySet<string>): Promise<void> {
  if (screens.size === 0) return
  await build({
    ...shared,
    entryPoints: [...screens],
    outdir,
    outbase: join(root, 'src/views/tui'),
    entryNames: 'screen-[name]',
    chunkNames: 'screen-[hash]',
    format: 'esm',
    splitting: true,
    outExtension: { '.js': '.mjs' },
    external: ['react-devtools-core'],
    banner: {
      js: 'import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);',
    },
  })
}

/** What bin/nsctl starts short commands with: record 0048. V8 takes a cache only under the flags that it was made under. */
const FLAGS = join(root, 'scripts/build/node-flags')

/** Node calls vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER and node:sqlite experimental. */
const QUIET = '--disable-warning=ExperimentalWarning'

const started = performance.now()
mkdirSync(dist, { recursive: true })
const fresh = mkdtempSync(join(dist, '.new-'))
try {
  const screens = await buildMain(fresh)
  for (const part of Object.keys(PARTS)) await buildPart(part, shared, fresh)
  await buildScreens(fresh, screens)
  cpSync(join(root, 'scripts/build/loader.cjs'), join(fresh, 'nsctl.cjs'))
  cpSync(FLAGS, join(fresh, 'node-flags'))
  writeFileSync(join(fresh, 'stamp'), sourceStamp(root))
  warmUp(fresh)
  replaceAll(fresh)
  console.log(`built dist/ in ${((performance.now() - started) / 1000).toFixed(1)} s`)
} finally {
  rmSync(fresh, { recursive: true, force: true })
}

/** A verb that fails meanwhile costs the cache a little and the build nothing; it is told. */
function warmUp(folder: string): void {
  const warm = join(root, 'scripts/build/warm.cjs')
  const flags = readFileSync(FLAGS, 'utf8').trim().split(' ')
  // a part's cache is that of the last who ran it: apply knows most of it
  for (const cache of ['read', 'change', 'secret', 'apply']) {
    const { status, stderr } = spawnSync(process.execPath, [QUIET, ...flags, warm, folder, cache], {
      encoding: 'utf8',
    })
    if (status !== 0) console.error(`the code cache ${cache} was made from a run with errors:\n${stderr}`)
  }
}

/**
 * Moves the new files into place one by one and removes what no longer belongs there. A command that starts meanwhile finds
 * old or new; a cache that does not fit its bundle is refused by V8.
 */
function replaceAll(from: string): void {
  const fresh = new Set(readdirSync(from))
  for (const name of fresh) renameSync(join(from, name), join(dist, name))
  for (const name of readdirSync(dist))
    if (!fresh.has(name) && !name.startsWith('.')) rmSync(join(dist, name), { recursive: true, force: true })
}
