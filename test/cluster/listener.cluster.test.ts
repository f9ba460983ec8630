/** Three machines with a real systemd: logs, commands, files and connections across them, from a fourth that holds the control plane's identity. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, type Home } from '../commands/nsctl.ts'
import { Running, until } from '../daemon/processes.ts'
import { Cluster, type Shown } from '../lab/cluster.ts'
import { canMakeNetworks } from '../lab/network.ts'
import { canBootNodes, type LabNode } from '../lab/node.ts'
import { needs } from '../parts.ts'

const MIB = 2 ** 20
// writes a numbered line ten times a second, and answers with what it is
const PROGRAM = `let n = 0; setInterval(() => console.log('line', ++n), 100)
require('node:http').createServer((q, r) => r.end(process.env.STORAGE_DATA ? 'stored' : require('node:os').hostname())).listen(Number(process.env.PORT))`
const WEB = {
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: {
    replicas: 3,
    placement: { strategy: 'spread' },
    template: {
      source: { command: ['node', '-e', PROGRAM], workingDir: '/' },
      ports: [{ name: 'http' }],
      readiness: { http: { port: 'http' } },
    },
  },
}

const clustered = needs(
  test,
  canBootNodes() && canMakeNetworks(),
  'root on Linux, to boot nodes on a network',
)

let cluster: Cluster

clustered('machines say where their agents listen', async () => {
  cluster = await Cluster.start({
    ...{ nodes: 3, controllers: 1, prepare: bringIdentity },
    words: ['--listen', '0.0.0.0:9444'],
  })
  await cluster.apply(WEB)
  await ready(3)
  await cluster.until('all listen', async () => {
    const nodes = await cluster.list('nodes')
    return nodes.every(({ status }) => status.listener?.endsWith(':9444'))
  })
})

clustered('logs of a service come from every machine, in order of time', async () => {
  await sleep(1_000)
  const lines = (await cluster.nsctl(['logs', 'service/web', '--timestamps', '--prefix'])).trim().split('\n')
  const instances = new Set(lines.map((line) => /web-\d-\w+/.exec(line)?.[0]))
  assert.is(instances.size, 3)
  const times = lines.map((line) => /\d{4}-\d\d-\d\dT\S+/.exec(line)?.[0] ?? '')
  assert.equal(times, [...times].sort())
})

clustered('a command elsewhere has its input, its outputs and its exit code', async () => {
  for (const instance of await instances()) {
    const { name } = instance.metadata
    const { code, stdout, stderr } = await tryNsctl(
      ['exec', '-i', name, '--', 'sh', '-c', 'hostname; cat >&2; exit 7'],
      'hello',
    )
    assert.equal([code, stderr.trim()], [7, 'hello'])
    assert.ok(stdout.startsWith(`${instance.spec.node}-`), stdout)
  }
})

clustered('a command whose caller is killed is ended', async () => {
  const [one] = await instances()
  const mark = `5${process.pid}`
  const running = start([
    'exec',
    one!.metadata.name,
    '--',
    'sh',
    '-c',
    `setsid sleep ${mark} & sleep ${mark}`,
  ])
  const { node } = cluster.machine(one!.spec.node)
  const left = async () =>
    (await node.exec(['pgrep', '-fx', `sleep ${mark}`])).stdout.trim().split('\n').filter(Boolean).length
  await cluster.until('both run', async () => (await left()) === 2)
  await running.stop('SIGKILL')
  const startedMs = performance.now()
  await cluster.until('none is left', async () => (await left()) === 0)
  console.log(`caller killed: command ended after ${Math.round(performance.now() - startedMs)} ms`)
})

clustered('a hundred megabytes and a tree go there and come back as they were', async () => {
  const [one] = await instances()
  const { name } = one!.metadata
  const folder = cluster.control.folder
  const big = Buffer.alloc(100 * MIB)
  for (let at = 0; at < big.length; at += 4096) big.writeUInt32BE(at, at)
  writeFileSync(join(folder, 'big'), big)
  mkdirSync(join(folder, 'tree/sub'), { recursive: true })
  writeFileSync(join(folder, 'tree/sub/run'), 'echo hi', { mode: 0o750 })
  const startedMs = performance.now()
  await cluster.nsctl(['cp', join(folder, 'big'), `${name}:/tmp/big`])
  const sentMs = performance.now()
  await cluster.nsctl(['cp', `${name}:/tmp/big`, join(folder, 'back')])
  console.log(
    `cp of 100 MiB: there ${Math.round(sentMs - startedMs)} ms, back ${Math.round(performance.now() - sentMs)} ms`,
  )
  const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
  assert.is(digest(readFileSync(join(folder, 'back'))), digest(big))
  await cluster.nsctl(['cp', join(folder, 'tree'), `${name}:/tmp/tree`])
  await cluster.nsctl(['cp', `${name}:/tmp/tree`, join(folder, 'again')])
  assert.is(statSync(join(folder, 'again/sub/run')).mode & 0o777, 0o750)
  // its own /tmp, and not the machine's
  assert.not(existsSync('/tmp/tree'))
  const { code } = await cluster.machine(one!.spec.node).node.exec(['test', '-e', '/tmp/tree'])
  assert.is(code, 1)
})

clustered(
  'following goes on while a machine dies and returns, and no line comes twice or is lost',
  async () => {
    const all = await instances()
    const running = start(['logs', 'service/web', '-f', '--prefix', '--tail', '1'])
    const linesOf = (name: string) =>
      [...running.output.matchAll(new RegExp(`${name}\\S* .*?line (\\d+)$`, 'gm'))].map(([, n]) => Number(n))
    await cluster.until('all are followed', async () =>
      all.every(({ metadata }) => linesOf(metadata.name).length > 5),
    )
    const cut = all[0]!
    const machine = cluster.machine(cut.spec.node)
    await machine.cut()
    await cluster.until('it is said', async () => running.output.includes(`node ${cut.spec.node}`))
    const others = all.slice(1)
    const before = others.map(({ metadata }) => linesOf(metadata.name).length)
    await cluster.until('the others go on', async () =>
      others.every(({ metadata }, i) => linesOf(metadata.name).length > before[i]! + 10),
    )
    await machine.heal()
    await cluster.until('it is back', async () => running.output.includes(`node ${cut.spec.node} is back`))
    await sleep(2_000)
    await running.stop('SIGTERM')
    for (const { metadata } of all) {
      const lines = linesOf(metadata.name)
      assert.ok(lines.length > 20, `${metadata.name}: ${lines.length} lines`)
      const first = lines[0]!
      assert.equal(
        lines,
        lines.map((_, i) => first + i),
        metadata.name,
      )
    }
    await ready(3)
  },
)

clustered('a forwarded service answers under load while an instance of it is ended', async () => {
  const forwarding = start(['port-forward', 'service/web', ':http'])
  await forwarding.says(/Forwarding from 127\.0\.0\.1:\d+ -> http/)
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(forwarding.output)?.[1])
  const tally = { answered: 0, failed: 0, afterwards: 0 }
  const url = `http://127.0.0.1:${port}/`
  let isDone = false
  const one = async () => {
    while (!isDone) {
      const ok = await fetch(url, { headers: { connection: 'close' } }).then(
        async (response) => (await response.text()) !== '',
        () => false,
      )
      if (ok) tally.answered++
      else tally.failed++
    }
  }
  const load = Array.from({ length: 50 }, one)
  await sleep(4_000)
  const [first] = await instances()
  await cluster.machine(first!.spec.node).node.exec(['sh', '-c', `kill -9 ${first!.status.pid}`])
  await sleep(6_000)
  isDone = true
  await Promise.all(load)
  for (let i = 0; i < 20; i++) tally.afterwards += (await fetch(url)).status === 200 ? 1 : 0
  console.log(`port-forward: ${tally.answered} answered, ${tally.failed} failed around the kill`)
  assert.is(tally.afterwards, 20)
  assert.ok(tally.answered > 200, JSON.stringify(tally))
  await forwarding.stop('SIGTERM')
})

clustered('two hundred connections at once each close by halves', async () => {
  const [one] = await instances()
  const forwarding = start(['port-forward', one!.metadata.name, ':http'])
  await forwarding.says(/Forwarding from/)
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(forwarding.output)?.[1])
  const answers = await Promise.all(
    Array.from({ length: 200 }, async () => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      socket.end('GET / HTTP/1.0\r\n\r\n')
      let text = ''
      socket.on('data', (bytes) => {
        text += bytes
      })
      socket.on('error', () => {})
      await once(socket, 'close')
      return text.startsWith('HTTP/1.1 200')
    }),
  )
  assert.is(answers.filter(Boolean).length, 200)
  await forwarding.stop('SIGTERM')
})

clustered('who has no identity gets access for a while, and for one namespace', async () => {
  const [one] = await instances()
  const { name } = one!.metadata
  const stranger = createHome()
  const run = (env: Readonly<Record<string, string>> = {}) =>
    stranger.run(['exec', name, '--', 'true'], { env: { NSCTL_STORE: cluster.store, ...env } })
  const access = async (...words: readonly string[]) => {
    const text = await cluster.nsctl(['node', 'access', 'create', ...words])
    return join(stranger.folder, stranger.write(`access-${words.length}`, text))
  }
  try {
    const refused = await run()
    assert.is(refused.code, 3)
    assert.match(
      refused.stderr,
      /control plane’s identity is on another machine[\s\S]*nsctl node access create/,
    )
    const own = await access('--name', 'ada', '-n', 'default')
    assert.match((await run({ NSCTL_NODE_ACCESS: own })).stderr, /can be read by others[\s\S]*chmod 600/)
    chmodSync(own, 0o600)
    assert.equal(await run({ NSCTL_NODE_ACCESS: own }), { code: 0, stdout: '', stderr: '' })
    const others = await access('-n', 'shop')
    chmodSync(others, 0o600)
    assert.match(
      (await run({ NSCTL_NODE_ACCESS: others })).stderr,
      /reaches namespace shop only, not default/,
    )
  } finally {
    stranger.remove()
  }
  const events = await cluster.nsctl(['events'])
  assert.match(events, /ada ran true beside it/)
})

test.after(() => cluster?.stop())

/** So that it can give itself a certificate. */
async function bringIdentity(_: string, node: LabNode, control: Home): Promise<void> {
  const path = join(control.state, 'identity')
  await until(() => readFileSync(path, 'utf8'))
  const script =
    'mkdir -p -m 700 /root/.local/state/nsctl && umask 077 && cat >/root/.local/state/nsctl/identity'
  await node.exec(['sh', '-c', script], { input: readFileSync(path, 'utf8') })
}

function start([verb = '', ...words]: readonly string[]): Running {
  return new Running(cluster.control, [verb, '--store', cluster.store, ...words])
}

async function tryNsctl(words: readonly string[], stdin: string) {
  return await cluster.control.run(words, { env: { NSCTL_STORE: cluster.store }, stdin })
}

async function instances(): Promise<readonly Shown[]> {
  const all = await cluster.list('instances')
  return all.filter(
    ({ status, metadata }) => status?.ready === true && metadata.deletionTimestamp === undefined,
  )
}

async function ready(count: number): Promise<void> {
  await cluster.until(`${count} are ready`, async () => (await instances()).length === count)
}

test.run()
