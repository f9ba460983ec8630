/**
 * Brings a checkout to where nsctl runs: installs what the lock file says and builds, each only where it is out of date.
 * Runs on Node 20 and without dependencies, because it runs before there are any.
 *
 *     node scripts/prepare.mjs
 */
import { spawnSync } from 'node:child_process'
import { lstatSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { sourceStamp } from './prepare/stamp.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const node24 = join(root, 'node_modules/node/bin/node')

/** Installs and builds what is out of date. Throws an Error that says what failed. */
export function prepare() {
  if (!isInstalled()) run('npm', ['ci', '--no-audit', '--no-fund'], 'installing the packages')
  linkExecutable()
  if (!isBuilt()) run(node24, ['scripts/build.ts'], 'building')
}

function run(command, args, what) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  if (error !== undefined) throw new Error(`${what} failed: ${command}: ${error.message}`)
  if (status !== 0) throw new Error(`${what} failed: ${command} ${args.join(' ')} exits ${status}`)
}

/** npm notes in node_modules what it has put there. Packages for other platforms are not there and need not be. */
function isInstalled() {
  const wanted = readJson('package-lock.json')?.packages ?? {}
  const present = readJson('node_modules/.package-lock.json')?.packages
  if (present === undefined) return false
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === '' || present[path]?.version === version || (optional && !present[path]),
  )
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(join(root, path), 'utf8'))
  } catch {
    return undefined
  }
}

function isBuilt() {
  try {
    return readFileSync(join(root, 'dist/stamp'), 'utf8') === sourceStamp(root)
  } catch {
    return false
  }
}

/** npm links the executables of packages, not the checkout's own: so that `npx nsctl` works here too. */
function linkExecutable() {
  const link = join(root, 'node_modules/.bin/nsctl')
  if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) return
  symlinkSync('../../bin/nsctl', link)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    prepare()
  } catch (error) {
    console.error(`error: ${error.message}`)
    process.exit(1)
  }
}
