/**
 * A real sshd on loopback, out of Debian's package. It runs in a mount namespace of its own, in which /etc/passwd has the users that it needs: nothing
 * of this machine changes. Needs root.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { sshKeygen } from './age.ts'
import {
  canFetchDebs,
  extractDeb,
  freePorts,
  type ServerProcess,
  serverDirectory,
  startServer,
} from './servers.ts'

export interface Sshd {
  readonly port: number
  /** `ssh-ed25519 AAAA…` */
  readonly hostKey: string
  /** A private key that both users let in. */
  readonly keyFile: string
  /** Of the user `tester`; belongs to it. */
  readonly home: string
  /** For files of one test's own. */
  readonly directory: string
  /** SIGSTOP for it and for every session of it; the kernel still takes connections and bytes. */
  freeze(): void
  thaw(): void
  /** SIGKILL for it and for every session of it. */
  kill(): Promise<void>
  log(): string
}

export interface SshdOptions {
  /** Further lines of its configuration. */
  readonly config?: readonly string[]
  /** The login shell of `tester`; bash where left out. */
  readonly shell?: string
  /** Listens there; a free port where left out. */
  readonly port?: number
  /** Keeps its host key from an earlier one. */
  readonly hostKeyFile?: string
  /** Whom it lets in besides. */
  readonly authorizedKeys?: string
  /** Its processes are among those of a node with this PID 1, which takes no connections from others. */
  readonly amongProcessesOf?: number
}

export const canRunSshd = canFetchDebs() && userInfo().uid === 0

/** `root` and `tester` may log in. Stops with this process at the latest. */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd & { readonly hostKeyFile: string }> {
  const [deb, wrap] = await Promise.all([
    extractDeb('bookworm', 'openssh-server'),
    extractDeb('bookworm', 'libwrap0'),
  ])
  const { path: directory, remove } = serverDirectory('sshd')
  const [free] = options.port === undefined ? await freePorts(1) : [options.port]
  const port = free as number
  const file = (name: string) => join(directory, name)
  const hostKeyFile = options.hostKeyFile ?? file('host')
  if (options.hostKeyFile === undefined) await sshKeygen(hostKeyFile)
  await sshKeygen(file('id'))
  // the way to it must be open to `tester`
  chmodSync(directory, 0o755)
  for (const home of ['home', 'root']) mkdirSync(file(home))
  spawnSync('chown', ['4711:4711', file('home')])
  const shell = options.shell ?? '/bin/bash'
  writeFileSync(
    file('passwd'),
    `root:x:0:0:root:${file('root')}:/bin/bash\nsshd:x:74:74::/run/sshd:/bin/false\ntester:x:4711:4711::${file('home')}:${shell}\n`,
  )
  writeFileSync(file('shadow'), 'root:*:19000::::::\nsshd:!:19000::::::\ntester:*:19000::::::\n', {
    mode: 0o600,
  })
  writeFileSync(
    file('config'),
    [
      ...configLines(port, hostKeyFile, `${file('id.pub')} ${options.authorizedKeys ?? ''}`),
      ...(options.config ?? []),
    ].join('\n'),
  )
  const script = [
    `mount --bind ${file('passwd')} /etc/passwd`,
    `mount --bind ${file('shadow')} /etc/shadow`,
    'mount -t tmpfs none /run',
    'mkdir -m 755 /run/sshd',
    `export LD_LIBRARY_PATH=${join(wrap, 'lib/x86_64-linux-gnu')}:${join(wrap, 'usr/lib/x86_64-linux-gnu')}`,
    `exec ${join(deb, 'usr/sbin/sshd')} -D -e -f ${file('config')}`,
  ].join(' && ')
  const among = options.amongProcessesOf
  const inside = among === undefined ? [] : ['nsenter', '-t', String(among), '-p', '--']
  const server = startServer([...inside, 'unshare', '--mount', 'sh', '-c', script], file('log'))
  await untilListening(server)
  const all = (signal: NodeJS.Signals) => {
    for (const pid of [server.pid, ...descendants(server.pid)]) signalTo(pid, signal)
  }
  return {
    port,
    hostKey: readFileSync(`${hostKeyFile}.pub`, 'utf8').split(' ').slice(0, 2).join(' ').trim(),
    hostKeyFile,
    keyFile: file('id'),
    home: file('home'),
    directory,
    freeze: () => all('SIGSTOP'),
    thaw: () => all('SIGCONT'),
    async kill() {
      all('SIGKILL')
      await server.kill()
      remove()
    },
    log: () => server.log(),
  }
}

function configLines(port: number, hostKey: string, authorized: string): readonly string[] {
  return [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${hostKey}`,
    'PidFile none',
    `AuthorizedKeysFile ${authorized}`,
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin prohibit-password',
    'MaxStartups 100',
  ]
}

/** Not by connecting: that would leave a session in its log. */
async function untilListening(server: ServerProcess): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!server.log().includes('Server listening')) {
    if (!server.running || performance.now() > deadline)
      throw new Error(`sshd is not ready:\n${server.log()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function descendants(pid: number): readonly number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(name) : undefined
    if (stat !== undefined)
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
  }
  const below = (of: number): readonly number[] =>
    [...parents].filter(([, parent]) => parent === of).flatMap(([child]) => [child, ...below(child)])
  return below(pid)
}

function statOf(pid: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // it has ended
  }
}
