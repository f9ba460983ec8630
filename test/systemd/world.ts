/** A node with nsctl in it: what the tests of this folder stand on. Root only; see test/lab. */
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import {
  bootNode,
  canBootNodes,
  type ExecResult,
  type LabNode,
  NODE_BINARY,
  NODE_REPOSITORY,
  type NodeOptions,
  type Release,
} from '../lab/node.ts'
import { needs } from '../parts.ts'

export const RELEASES: readonly Release[] = ['bookworm', 'trixie']
const NSCTL = `${NODE_REPOSITORY}/bin/nsctl`
const WAIT_LIMIT_MS = 60_000
const LOOK_EVERY_MS = 50

/** An object as `-o json` shows it. */
export interface Shown {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string }
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect to be there
  readonly spec: any
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly status: any
}

/** Registers a test per release, each in a fresh node that goes with it. On failure the node's own words are added. */
export function onEachRelease(
  title: string,
  body: (world: World) => Promise<void>,
  options: Partial<NodeOptions> & { readonly releases?: readonly Release[] } = {},
): void {
  for (const release of options.releases ?? RELEASES) {
    needs(
      test,
      canBootNodes(),
      'root on Linux, to boot a node',
    )(`${title} (${release})`, async () => {
      const node = await bootNode({ name: 'e2e', ...options, release })
      const world = new World(node, release)
      try {
        await body(world)
      } catch (error) {
        console.log(await world.lastWords())
        throw error
      } finally {
        await node.stop()
      }
    })
  }
}

export class World {
  readonly node: LabNode
  readonly release: Release

  constructor(node: LabNode, release: Release) {
    this.node = node
    this.release = release
  }

  /** Runs nsctl, as root if no other user is named; returns what it printed. Throws where it does not exit with `expected`. */
  async nsctl(words: string | readonly string[], expected = 0): Promise<string> {
    const { code, stdout, stderr } = await this.tryNsctl(words)
    if (code === expected) return stdout
    const line = typeof words === 'string' ? words : words.join(' ')
    throw new Error(`nsctl ${line}: exit ${code}, not ${expected}\n${stdout}${stderr}`)
  }

  tryNsctl(words: string | readonly string[], input?: string): Promise<ExecResult> {
    const list = typeof words === 'string' ? words.split(' ') : words
    return this.node.exec(['env', 'NO_COLOR=1', NSCTL, ...list], input === undefined ? {} : { input })
  }

  async sh(script: string): Promise<string> {
    return (await this.node.run(['sh', '-c', script])).trim()
  }

  async write(path: string, text: string): Promise<void> {
    const { code, stderr } = await this.node.exec(['sh', '-c', 'cat >"$1"', 'sh', path], { input: text })
    if (code !== 0) throw new Error(`cannot write ${path}: ${stderr}`)
  }

  async apply(manifest: object): Promise<string> {
    const { code, stdout, stderr } = await this.tryNsctl('apply -f -', JSON.stringify(manifest))
    if (code !== 0) throw new Error(`nsctl apply: exit ${code}\n${stdout}${stderr}`)
    return stdout
  }

  /** Starts `nsctl up` beside the test and resolves when it is ready. */
  async up(...flags: readonly string[]): Promise<void> {
    const script = `echo $$ >/run/up.pid; exec "$@" >/run/up.log 2>&1`
    this.node
      .spawn(['sh', '-c', script, 'sh', NSCTL, 'up', '--runtime', 'systemd', ...flags], { stdio: 'ignore' })
      .unref()
    await this.until('nsctl up is ready', async () =>
      (await this.sh('cat /run/up.log 2>/dev/null || true')).includes('Ctrl-C'),
    )
  }

  /** As a crash: SIGKILL. Resolves when it is gone. */
  async killDaemon(): Promise<void> {
    await this.sh('kill -9 $(cat /run/up.pid)')
    await this.until('the daemon is gone', async () =>
      this.sh('test -e /proc/$(cat /run/up.pid) || echo gone').then((text) => text === 'gone'),
    )
    await this.sh('rm /run/up.log')
  }

  async get(what: string): Promise<Shown> {
    return JSON.parse(await this.nsctl(`get ${what} -o json`))
  }

  async instances(): Promise<readonly Shown[]> {
    return JSON.parse(await this.nsctl('get instances -o json')).items
  }

  /** Looks every 50 ms until it holds. @throws after a minute, with what it was last */
  async until<T>(what: string, look: () => Promise<T | false | undefined>): Promise<T> {
    const limitMs = performance.now() + WAIT_LIMIT_MS
    for (;;) {
      const found = await look()
      if (found) return found
      if (performance.now() > limitMs) throw new Error(`${what}: not after ${WAIT_LIMIT_MS} ms`)
      await sleep(LOOK_EVERY_MS)
    }
  }

  /** Ours that systemd knows, of every state, with what it says of each. */
  async units(): Promise<ReadonlyMap<string, { readonly active: string; readonly sub: string }>> {
    const text = await this.sh("systemctl list-units --all --plain --no-legend 'nsctl-*@*.service'")
    const lines = text.split('\n').filter((line) => line !== '')
    return new Map(
      lines.map((line) => {
        const [unit = '', , active = '', sub = ''] = line.split(/\s+/)
        return [unit, { active, sub }]
      }),
    )
  }

  /** The main pids of our units: what must not change where nothing may restart. */
  async pids(): Promise<readonly string[]> {
    const units = [...(await this.units()).keys()]
    if (units.length === 0) return []
    const text = await this.sh(`systemctl show -p Id,MainPID --value ${units.join(' ')} | paste -sd' '`)
    return text.split(/\s{2,}/).sort()
  }

  /** What a GET from inside the node answers; rejects where nothing does. */
  async fetch(url: string): Promise<string> {
    const script = 'process.stdout.write(await (await fetch(process.argv[1])).text())'
    return this.node.run([NODE_BINARY, '--input-type=module', '-e', script, url])
  }

  async lastWords(): Promise<string> {
    const script = `
      cat /run/up.log 2>/dev/null | tail -n 40
      echo '--- units'; systemctl list-units --all --plain --no-legend 'nsctl*'
      echo '--- nsctl'; NO_COLOR=1 ${NSCTL} get svc,instances 2>&1; NO_COLOR=1 ${NSCTL} events 2>&1 | tail -n 20
      echo '--- journal'; journalctl --no-pager -n 40`
    return (await this.node.exec(['sh', '-c', script])).stdout
  }
}
