/**
 * `npm start`: installs and builds what is out of date, then shows nsctl at work. Arguments go on to the tour (`--once`).
 * Runs on Node 20 and without dependencies.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { prepare } from './prepare.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

function start() {
  prepare()
  const tour = join(root, 'scripts/tour.ts')
  const args = process.argv.slice(2)
  return existsSync(tour)
    ? spawn(join(root, 'node_modules/node/bin/node'), ['--disable-warning=ExperimentalWarning', tour, ...args], {
        stdio: 'inherit',
      })
    : spawn(join(root, 'bin/nsctl'), ['up', '--own', ...args], { stdio: 'inherit' })
}

try {
  const child = start()
  // Ctrl-C reaches the child by itself: this process only waits for it, so that its words come before the prompt
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => signal === 'SIGINT' || child.kill(signal))
  child.on('error', (error) => {
    console.error(`error: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => process.exit(signal === null ? code : 1))
} catch (error) {
  console.error(`error: ${error.message}`)
  process.exit(1)
}
