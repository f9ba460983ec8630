// Shows examples/autoscaling at work: node examples/autoscaling/demo.js
//
// Starts a Redis and an nsctl of its own (nothing that runs already is touched), applies worker.yaml, puts 800 jobs in over 15 s, and
// prints each second what waits and what runs. At each change it asks nsctl why. Ends with 0 once all jobs are done and nothing runs.
// Needs redis-server in PATH. With REDIS_ADDRESS=host:port it uses that Redis instead, and its keys `jobs` and `done`.
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { redis } from './redis.js'

const JOBS = 800
const LOAD_MS = 15_000
const LIMIT_MS = 120_000
const here = import.meta.dirname
const nsctl = join(here, '../../bin/nsctl')
const home = mkdtempSync(join(tmpdir(), 'nsctl-autoscaling-'))
const env = { ...process.env, NSCTL_HOME: join(home, 'state'), NSCTL_CONFIG: join(home, 'config'), NO_COLOR: '1' }
delete env.NSCTL_STORE
const children = []
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

function start(command, args) {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  const ended = new Promise((resolve) => child.once('close', resolve))
  child.once('error', (error) => fail(`cannot start ${command}: ${error.message}`))
  children.push({ child, ended })
  return child
}

function run(...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(nsctl, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (out += data))
    child.once('close', (code) => (code === 0 ? resolve(out) : reject(new Error(`nsctl ${args.join(' ')}\n${out}`))))
  })
}

async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function startRedis() {
  const port = await freePort()
  start('redis-server', ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', home]).stdout.resume()
  for (let attempt = 0; attempt < 100; attempt++) {
    const client = redis(`127.0.0.1:${port}`)
    try {
      await client.ask('PING')
      return `127.0.0.1:${port}`
    } catch {
      await pause(50)
    } finally {
      client.close()
    }
  }
  throw new Error('redis-server does not answer')
}

async function startNsctl() {
  const child = start(nsctl, ['up', '--own', '--runtime', 'process'])
  await new Promise((resolve) => child.stdout.on('data', (data) => String(data).includes('Ctrl-C') && resolve()))
}

async function load(client) {
  for (let sent = 0; sent < JOBS; sent += 8) {
    await client.ask('RPUSH', 'jobs', ...Array.from({ length: 8 }, (_, index) => sent + index))
    await pause((LOAD_MS * 8) / JOBS)
  }
}

async function look(client) {
  const [waiting, done] = [await client.ask('LLEN', 'jobs'), Number(await client.ask('GET', 'done'))]
  const { spec, status } = JSON.parse(await run('get', 'service', 'worker', '-o', 'json'))
  return { waiting, done, replicas: spec.replicas, ready: status?.readyReplicas ?? 0 }
}

async function demo() {
  const address = process.env.REDIS_ADDRESS ?? (await startRedis())
  const client = redis(address)
  await client.ask('DEL', 'jobs', 'done')
  await startNsctl()
  cpSync(here, join(home, 'example'), { recursive: true })
  const manifest = join(home, 'example/worker.yaml')
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replaceAll('127.0.0.1:6379', address))
  process.stdout.write(await run('apply', '-f', manifest))
  const loading = load(client)
  const seen = { most: 0, replicas: 0 }
  for (const startedMs = performance.now(); performance.now() - startedMs < LIMIT_MS; await pause(1000)) {
    const now = await look(client)
    const at = String(Math.round((performance.now() - startedMs) / 1000)).padStart(3)
    const bar = '█'.repeat(now.replicas)
    console.log(
      `${at} s  ${String(now.waiting).padStart(4)} wait  ${String(now.done).padStart(4)} done  ${String(now.replicas).padStart(2)} wanted  ${String(now.ready).padStart(2)} ready  ${bar}`,
    )
    if (now.replicas !== seen.replicas) console.log(`\n${await run('describe', 'scaler', 'worker')}`)
    seen.replicas = now.replicas
    seen.most = Math.max(seen.most, now.replicas)
    if (now.done === JOBS && now.replicas === 0 && now.ready === 0) break
  }
  await loading
  const last = await look(client)
  client.close()
  console.log(await run('scaler', 'history', 'worker'))
  if (last.done !== JOBS) throw new Error(`${last.done} of ${JOBS} jobs are done`)
  if (seen.most !== 10 || last.replicas !== 0) throw new Error(`0 → ${seen.most} → ${last.replicas} instead of 0 → 10 → 0`)
  console.log(`0 → 10 → 0, and all ${JOBS} jobs are done`)
}

async function stop() {
  // what was started last ends first
  for (const { child, ended } of children.reverse()) {
    child.kill('SIGTERM')
    await ended
  }
  rmSync(home, { recursive: true, force: true })
}

async function fail(message) {
  console.error(`error: ${message}`)
  await stop()
  process.exit(1)
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => fail(`interrupted by ${signal}`))
try {
  await demo()
  await stop()
} catch (error) {
  await fail(error.message)
}
