/** The lab's own network: what is cut is silent, and nothing of it outlives its process. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../parts.ts'
import { canMakeNetworks, type Host, makeNetwork } from './network.ts'

const it = needs(test, canMakeNetworks(), 'root on Linux') as Test

const PORT = 4_000
const LISTEN = `require('net').createServer((s) => s.on('error', () => {}).end('here')).listen(${PORT}, () => console.log('listens'))`
const ASK = `const s = require('net').connect(${PORT}, process.argv[1]); const say = (w) => { console.log(w); process.exit() }
s.on('data', (d) => say(String(d))); s.on('error', (e) => say(e.code)); setTimeout(say, 500, 'silence')`

const node = ({ enter }: Host, script: string, ...args: readonly string[]) => {
  const [command, ...rest] = [...enter, process.execPath, '-e', script, ...args]
  return spawn(command!, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
}

async function ask(from: Host, to: Host): Promise<string> {
  const child = node(from, ASK, to.address)
  let said = ''
  child.stdout.on('data', (data) => {
    said += data
  })
  await once(child, 'close')
  return `${from.name} of ${to.name}: ${said.trim()}`
}

it('what is cut off hears and says nothing until it is healed', async () => {
  const network = await makeNetwork()
  const [a, b] = [await network.add('a'), await network.add('b')]
  const servers = [a, b].map((host) => node(host, LISTEN))
  const { here } = network
  const heard = () => Promise.all([ask(here, a), ask(here, b), ask(a, b), ask(b, a)])
  const all = ['here of a: here', 'here of b: here', 'a of b: here', 'b of a: here']
  try {
    await Promise.all(servers.map((server) => once(server.stdout, 'data')))
    assert.equal(await heard(), all)
    await network.cut(a)
    const withoutA = ['here of a: silence', 'here of b: here', 'a of b: silence', 'b of a: silence']
    assert.equal(await heard(), withoutA)
    await network.heal(a)
    assert.equal(await heard(), all)
    await network.cutBetween(a, b)
    assert.equal(await heard(), [...all.slice(0, 2), 'a of b: silence', 'b of a: silence'])
    await network.heal()
    assert.equal(await heard(), all)
  } finally {
    for (const server of servers) server.kill('SIGKILL')
    await network.close()
  }
})

it('a process that is killed leaves no network behind', async () => {
  const script = `const { makeNetwork } = await import(${JSON.stringify(join(import.meta.dirname, 'network.ts'))})
const network = await makeNetwork(); const { enter } = await network.add('a'); console.log(enter[3]); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [holder] = (await once(child.stdout, 'data')) as [Buffer]
  const device = `nsctl${child.pid}`
  assert.ok(device in networkInterfaces() && existsSync(`/proc/${String(holder).trim()}`))
  child.kill('SIGKILL')
  await once(child, 'close')
  const deadlineMs = performance.now() + 5_000
  const isThere = () => existsSync(`/sys/class/net/${device}`) || existsSync(`/proc/${String(holder).trim()}`)
  while (isThere() && performance.now() < deadlineMs) spawnSync('sleep', ['0.05'])
  assert.not(isThere(), `${device} outlives its process`)
})

test.run()
