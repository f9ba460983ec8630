/**
 * Real servers for tests: programs out of Debian packages (deb.sh fetches and extracts them, nothing is installed), run as
 * processes of this one on loopback. They go when this process goes, however it ends.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const LAB = dirname(fileURLToPath(import.meta.url))

/** True where packages can be had: Debian's tools are at hand. */
export function canFetchDebs(): boolean {
  return (
    process.platform === 'linux' &&
    ['/usr/bin/apt-get', '/usr/bin/dpkg', '/usr/bin/setpriv'].every((path) => existsSync(path))
  )
}

/**
 * The folder that `name` of the release `suite` is extracted to, fetched on first use (some seconds).
 * `join(await extractDeb('bullseye', 'consul'), 'usr/bin/consul')` is the program.
 */
export async function extractDeb(suite: string, name: string): Promise<string> {
  const { stdout } = await promisify(execFile)(join(LAB, 'deb.sh'), [suite, name], { maxBuffer: 1 << 24 })
  return stdout.trim()
}

/** A folder for one test's servers. */
export function serverDirectory(name: string): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), `nsctl-${name}-`))
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) }
}

/** Ports that nobody listens on at `host` now, all different. */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(0, host, resolve)
      })
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** One server process. */
export interface ServerProcess {
  readonly pid: number
  /** Everything it printed. */
  log(): string
  /** SIGSTOP: it keeps its connections, and answers nothing from the return on. */
  freeze(): void
  thaw(): void
  /** SIGKILL, and waits for its end. */
  kill(): Promise<void>
  /** SIGTERM, and waits for its end; SIGKILL after five seconds. */
  stop(): Promise<void>
  readonly running: boolean
}

const STOP_LIMIT_MS = 5_000
const FREEZE_LIMIT_MS = 2_000

/** Starts a program whose output goes to `logFile`, appended. */
export function startServer(command: readonly string[], logFile: string): ServerProcess {
  const log = openSync(logFile, 'a')
  // the program takes setpriv's place, with its pid
  const child: ChildProcess = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], {
    stdio: ['ignore', log, log],
  })
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve())
    child.once('error', () => resolve())
  })
  const isRunning = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null
  const signal = (name: NodeJS.Signals) => {
    if (isRunning()) child.kill(name)
  }
  const server: ServerProcess = {
    pid: child.pid ?? -1,
    get running() {
      return isRunning()
    },
    log: () => readFileSync(logFile, 'utf8'),
    freeze() {
      signal('SIGSTOP')
      if (isRunning()) untilStopped(server.pid)
    },
    thaw: () => signal('SIGCONT'),
    async kill() {
      signal('SIGKILL')
      await ended
    },
    async stop() {
      signal('SIGCONT')
      signal('SIGTERM')
      const limit = setTimeout(() => signal('SIGKILL'), STOP_LIMIT_MS)
      await ended
      clearTimeout(limit)
    },
  }
  return server
}

/** Resolves once `ready` holds; throws with the server's log where it does not in time, or its process has ended. */
export async function untilReady(
  server: ServerProcess,
  ready: () => Promise<boolean>,
  limitMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!(await ready().catch(() => false))) {
    if (!server.running || performance.now() > deadline)
      throw new Error(`the server is not ready:\n${server.log().slice(-4000)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** A thread has to take the signal before any stops: on a busy machine the others answer meanwhile. @throws after two seconds */
export function untilStopped(pid: number): void {
  const deadline = performance.now() + FREEZE_LIMIT_MS
  while (threadsOf(pid).some((thread) => !isStill(thread)))
    if (performance.now() > deadline) throw new Error(`pid ${pid} does not stop`)
}

function threadsOf(pid: number): readonly string[] {
  const folder = `/proc/${pid}/task`
  return existsSync(folder) ? readdirSync(folder).map((thread) => join(folder, thread)) : []
}

/** Stopped, or ended. */
function isStill(thread: string): boolean {
  try {
    const stat = readFileSync(join(thread, 'stat'), 'utf8')
    return 'TZX'.includes(stat.charAt(stat.lastIndexOf(')') + 2))
  } catch {
    return true
  }
}
