/**
 * Planted values are searched for wherever something is written or said: standard output and error of every command and the daemon, logs,
 * stores and their servers' files, exports, temporary files, cores, arguments and environments of processes.
 */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome } from '../../commands/nsctl.ts'
import { NSCTL, Running } from '../../daemon/processes.ts'
import { startConsul } from '../../lab/consul.ts'
import { canFetchDebs } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { hasEtcd, startEtcd } from '../../store/etcd/scene.ts'
import { live, ProcessWatch, Said, VALUES } from './scene.ts'
import { findInFolder, findInText, formsOf } from './search.ts'

interface Engine {
  readonly name: string
  readonly present: boolean
  open(): Promise<{
    readonly store: readonly string[]
    readonly folders: readonly string[]
    stop(): Promise<void>
  }>
}

const ENGINES: readonly Engine[] = [
  { name: 'sqlite', present: true, open: async () => ({ store: [], folders: [], stop: async () => {} }) },
  {
    name: 'consul',
    present: canFetchDebs(),
    async open() {
      const cluster = await startConsul()
      const server = cluster.servers[0]!
      return {
        store: ['--store', `consul://${server.address}/planted`],
        folders: [server.directory],
        stop: () => cluster.stop(),
      }
    },
  },
  {
    name: 'etcd',
    present: hasEtcd,
    async open() {
      const cluster = await startEtcd()
      await cluster.ready()
      return {
        store: ['--store', `etcd://${cluster.endpoints.join(',')}/planted`],
        folders: [cluster.directory],
        stop: () => cluster.stop(),
      }
    },
  },
]

const MEMORY = '/dev/shm'

for (const engine of ENGINES)
  needs(
    test,
    engine.present && process.platform === 'linux',
    `${engine.name} on Linux`,
  )(`no planted value lies open: ${engine.name}, plain processes`, async () => {
    const home = createHome()
    const { store, folders, stop } = await engine.open()
    mkdirSync(join(home.folder, 'tmp'))
    mkdirSync(join(home.folder, 'run'), { mode: 0o700 })
    const before = new Set(readdirSync(MEMORY))
    const said = new Said()
    // only a file system in memory may hold them: none of these is one
    const env = { TMPDIR: join(home.folder, 'tmp') }
    const up = ['up', '--runtime', 'process', '--log-level', 'debug', ...store]
    // as where somebody wants to see cores
    const command = ['/bin/sh', '-c', 'ulimit -c unlimited; exec "$0" "$@"', NSCTL]
    const start = () => new Running(home, up, command).says(/is ready after/)
    let daemon = await start()
    const watch = new ProcessWatch((line) => line.includes('dist/nsctl.cjs'))
    try {
      const stage = {
        nsctl: (words: readonly string[], { stdin, editor }: { stdin?: string; editor?: string } = {}) =>
          home.run([...words, ...store], {
            ...(stdin === undefined ? {} : { stdin }),
            env: { ...env, ...(editor === undefined ? {} : { EDITOR: editor }) },
          }),
        async written(service: string) {
          const { stdout } = await home.run(['get', 'volumes', '-o', 'json', ...store])
          const volumes: readonly { spec: { service: string }; status?: { path?: string } }[] =
            JSON.parse(stdout).items
          const path = volumes.find((one) => one.spec.service === service)?.status?.path
          return path === undefined ? [] : readFileSync(join(path, 'said'), 'utf8').trim().split('\n')
        },
      }
      await live(stage, said, async () => {
        await daemon.stop('SIGABRT')
        said.add('the daemon that was killed', daemon.output)
        daemon = await start()
      })
      const exported = await stage.nsctl(['store', 'export', 'export.nsctl'])
      assert.is(exported.code, 0, exported.stderr)
      await watch.stop()
      said.add('the daemon', daemon.output)
      await search(home.folder, folders, said, watch)
      const down = await stage.nsctl(['down', '--purge'])
      said.add('down', down.stdout, down.stderr)
    } finally {
      await watch.stop()
      await daemon.stop('SIGKILL')
      await home.run(['down', '--purge'])
      await stop()
      home.remove()
    }
    const left = readdirSync(MEMORY).filter((name) => !before.has(name))
    const hits = forms.flatMap((one) =>
      left.flatMap((name) => findInFolder(join(MEMORY, name), one.forms).hits),
    )
    assert.equal(hits, [], 'nothing is left in memory')
  })

const forms = Object.entries(VALUES).map(([name, value]) => ({ name, forms: formsOf(value) }))

async function search(
  home: string,
  folders: readonly string[],
  said: Said,
  watch: ProcessWatch,
): Promise<void> {
  const hits: string[] = []
  let files = 0
  for (const { forms: of } of forms) {
    for (const { what, text } of said.texts) hits.push(...findInText(what, text, of))
    for (const [what, text] of watch.seen) hits.push(...findInText(what, Buffer.from(text, 'latin1'), of))
    for (const folder of [home, ...folders]) {
      const found = findInFolder(folder, of)
      files += found.files
      hits.push(...found.hits)
    }
  }
  console.log(
    `${files / forms.length} files, ${said.texts.length} outputs, ${watch.seen.size} arguments and environments of processes: ${hits.length} hits`,
  )
  assert.ok(files > 0 && said.texts.length > 50 && watch.seen.size > 20)
  assert.equal(hits, [])
}

test.run()
