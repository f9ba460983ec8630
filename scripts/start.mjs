/**
 * `npm start`: installs and builds what is out of date, then shows nsctl at work. Arguments go on to the tour (`--once`).
 * Runs on Node 20 and without dependencies.
 */
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { prepare } from './prepare.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

function start() {
  prepare()
  const node = join(root, 'node_modules/node/bin/node')
  const tour = join(root, 'scripts/tour.ts')
  return spawn(node, ['--disable-warning=ExperimentalWarning', tour, ...process.argv.slice(2)], {
    stdio: 'inherit',
  })
}

try {
  const child = start()
  // Ctrl-C reaches the child by itself: this process only waits for it, so that its words come before the prompt
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => signal === 'SIGINT' || child.kill(signal))
  child.on('error', (error) => {
    console.error(`error: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => process.exit(signal === null ? code : 1))
} catch (error) {
  console.error(`error: ${error.message}`)
  process.exit(1)
}
