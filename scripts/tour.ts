/**
 * What `npm start` shows.
 *
 *     node scripts/tour.ts           starts the control plane, applies examples/quickstart and shows it live until Ctrl-C
 *     node scripts/tour.ts --once    makes a tour by itself in a home of its own: apply, wait, request, scale, change, diff,
 *                                    roll back, delete; prints each step and exits 0, or says what failed
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { pathsOf } from '../src/main/paths.ts'

const root = join(import.meta.dirname, '..')
const nsctl = join(root, 'bin/nsctl')
const READY_LIMIT_MS = 15_000

const { values } = parseArgs({
  options: { once: { type: 'boolean', default: false }, runtime: { type: 'string', default: 'auto' } },
})

/** Aborts when this is told to end: then the daemon is, too, whatever is being done. */
const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => interrupted.abort(new Error(`interrupted by ${name}`)))

interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function run(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal = interrupted.signal,
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(nsctl, args, { cwd: root, env, signal, stdio: ['ignore', 'pipe', 'pipe'] })
    const out = { stdout: '', stderr: '' }
    child.stdout.on('data', (data) => {
      out.stdout += data
    })
    child.stderr.on('data', (data) => {
      out.stderr += data
    })
    child.on('error', (error) => reject(signal.aborted ? signal.reason : error))
    child.on('close', (code) => resolve({ code: code ?? 1, ...out }))
  })
}

/** Starts `nsctl up --own` and resolves when it is ready, with what it said. */
async function startDaemon(
  env: NodeJS.ProcessEnv,
  logFile: string,
): Promise<{ daemon: ChildProcess; said: string }> {
  const log = openSync(logFile, 'a', 0o600)
  const args = ['up', '--own', '--runtime', values.runtime]
  // a group of its own: Ctrl-C is this process's to pass on, after the screen is restored
  const daemon = spawn(nsctl, args, { cwd: root, env, stdio: ['ignore', 'pipe', log], detached: true })
  let said = ''
  const ready = new Promise<void>((resolve, reject) => {
    daemon.stdout?.on('data', (data) => {
      said += data
      if (said.includes('Ctrl-C')) resolve()
    })
    daemon.once('exit', () => reject(new Error(`nsctl up ended:\n${readFileSync(logFile, 'utf8').trim()}`)))
    setTimeout(
      () => reject(new Error(`nsctl up is not ready after ${READY_LIMIT_MS / 1000} s; see ${logFile}`)),
      READY_LIMIT_MS,
    ).unref()
  })
  try {
    await orInterrupted(ready)
  } catch (error) {
    await stopDaemon(daemon)
    throw error
  }
  return { daemon, said }
}

async function orInterrupted<T>(work: Promise<T>): Promise<T> {
  const { signal } = interrupted
  signal.throwIfAborted()
  const ended = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  return await Promise.race([work, ended])
}

async function stopDaemon(daemon: ChildProcess): Promise<number> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return daemon.exitCode ?? 1
  const ended = new Promise<number>((resolve) => daemon.once('exit', (code) => resolve(code ?? 1)))
  daemon.kill('SIGTERM')
  return await ended
}

function saySystem(): void {
  if (process.platform === 'linux') return
  console.log(
    `On ${process.platform}: no systemd, no cgroups and no /proc, so nothing is limited or isolated, and programs are`,
  )
  console.log('not found again after nsctl was killed. Everything else works as on Linux.\n')
}

async function showLive(): Promise<number> {
  saySystem()
  const { stateDir, logFile } = pathsOf(process.env)
  mkdirSync(stateDir, { recursive: true, mode: 0o700 })
  const { daemon, said } = await startDaemon(process.env, logFile)
  const lines = said.split('\n').filter((line) => !/^ {2}(next|Ctrl-C)/.test(line))
  console.log(lines.join('\n').trimEnd())
  try {
    const applied = await run(['apply', '-f', 'examples/quickstart'], process.env)
    process.stdout.write(applied.stdout + applied.stderr)
    if (applied.code !== 0) return applied.code
    console.log(
      '  next     npx nsctl get services · describe service web · scale service web --replicas 5   (in another terminal)',
    )
    console.log('  Ctrl-C   stops it and everything that it runs\n')
    interrupted.signal.throwIfAborted()
    return await new Promise((resolve) => {
      // Ctrl-C reaches it as well: it restores the screen and ends
      const watch = spawn(nsctl, ['watch'], { cwd: root, stdio: 'inherit' })
      for (const name of ['SIGTERM', 'SIGHUP'] as const) process.once(name, () => watch.kill(name))
      daemon.once('exit', () => watch.kill('SIGTERM'))
      watch.once('exit', () => resolve(0))
    })
  } finally {
    await stopDaemon(daemon)
    console.log('stopped, with everything that it ran')
  }
}

/** A step failed: what was tried and what came of it. */
class StepFailed extends Error {}

async function tour(): Promise<number> {
  saySystem()
  const home = mkdtempSync(join(tmpdir(), 'nsctl-tour-'))
  const env = { ...process.env, NSCTL_HOME: home, NSCTL_CONFIG: join(home, 'config'), NO_COLOR: '1' }
  delete (env as NodeJS.ProcessEnv).NSCTL_STORE
  let daemon: ChildProcess | undefined
  let number = 0
  const step = async (title: string, action: () => Promise<string>) => {
    const startedMs = performance.now()
    try {
      const result = await action()
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
      console.log(`${String(++number).padStart(2)}. ${title.padEnd(44)} ${seconds.padStart(5)} s`)
      for (const line of result.trim().split('\n')) if (line !== '') console.log(`      ${line}`)
    } catch (error) {
      throw new StepFailed(`step ${number + 1}, ${title}: ${error instanceof Error ? error.message : error}`)
    }
  }
  const cli =
    (words: string, expected = 0) =>
    async () => {
      const finished = await run(words.split(' '), env)
      if (finished.code === expected) return finished.stdout
      throw new Error(
        `nsctl ${words} exits with ${finished.code}, not ${expected}\n${finished.stdout}${finished.stderr}`,
      )
    }
  const ask = (expected: RegExp) => async () => {
    const url = (await cli('get service web -o jsonpath={.status.url}')()).split(' ')[0] ?? ''
    const text = await (await fetch(url, { signal: interrupted.signal })).text()
    if (!expected.test(text)) throw new Error(`${url} answers ${JSON.stringify(text)}, not ${expected}`)
    return `${url} answers: ${text}`
  }
  try {
    await step('start the control plane', async () => {
      const started = await startDaemon(env, pathsOf(env).logFile)
      daemon = started.daemon
      return started.said.replace(/\n {2}(next|Ctrl-C).*/g, '')
    })
    await step('apply examples/quickstart', cli('apply -f examples/quickstart'))
    await step('wait until it is ready', cli('wait --for=condition=Ready service/web --timeout=30s'))
    await step('look at it', cli('get services,instances'))
    await step('request it over HTTP', ask(/^hello from process \d+/))
    await step('scale it to 3', cli('scale service web --replicas 3'))
    await step('wait for the third instance', cli('rollout status service web --timeout=30s'))
    await step('see what a change would do', cli('diff -f examples/quickstart/changed/web.yaml', 1))
    await step('apply the change', cli('apply -f examples/quickstart/changed/web.yaml'))
    await step('wait for the rolling update', cli('rollout status service web --timeout=60s'))
    await step('request it again', ask(/^good morning from process \d+/))
    await step('roll back', cli('rollback service web'))
    await step('wait for the rolling update', cli('rollout status service web --timeout=60s'))
    await step('request it once more', ask(/^hello from process \d+/))
    await step('read its history', cli('history service web'))
    await step('delete it', cli('delete service web --timeout=30s'))
    await step('see that nothing is left', async () => {
      const left = await run(['get', 'services,instances', '-o', 'name'], env)
      if (left.stdout.trim() !== '') throw new Error(`still there:\n${left.stdout}`)
      return 'no services, no instances'
    })
    await step('stop the control plane', async () => {
      const code = daemon === undefined ? 1 : await stopDaemon(daemon)
      if (code !== 0)
        throw new Error(`nsctl up exits with ${code}\n${readFileSync(pathsOf(env).logFile, 'utf8')}`)
      return (await cli('down --purge')()).split('\n')[0] ?? ''
    })
    console.log('\neverything worked. See it live: npm start')
    return 0
  } catch (error) {
    console.error(`\nfailed: ${error instanceof StepFailed ? error.message : error}`)
    if (daemon !== undefined) await stopDaemon(daemon)
    await run(['down', '--purge'], env, new AbortController().signal)
    return 1
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

process.exitCode = await (values.once ? tour() : showLive()).catch((error: Error) => {
  console.error(`error: ${error.message}`)
  return 1
})
