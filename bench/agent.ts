/** What an agent costs that has nothing to do but to look after 100 instances: memory and CPU, as a machine that has joined over Consul. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createHome } from '../test/commands/nsctl.ts'
import { Running } from '../test/daemon/processes.ts'
import { startAclLab } from '../test/store/consul/acl-lab.ts'
import type { Row } from './measure.ts'

const INSTANCES = 100
/** What the start left behind is tidied up by then. */
const SETTLE_MS = 120_000
const LOOK_MS = 60_000
const bench = 'agent'

const SERVICE = {
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'Service',
  metadata: { name: 'idle' },
  spec: { replicas: INSTANCES, template: { source: { command: ['sleep', '100000'] } } },
}

export async function benchAgent(): Promise<readonly Row[]> {
  const lab = await startAclLab()
  const [control, home] = [createHome(), createHome()]
  const running: Running[] = []
  control.write('token', lab.master)
  const plain = `consul://${lab.cluster.servers[0]!.address}/bench`
  const store = ['--store', `${plain}?token-file=${join(control.folder, 'token')}`]
  const nsctl = async (...words: readonly string[]) => {
    const { code, stdout, stderr } = await control.run([...words, ...store])
    if (code !== 0) throw new Error(`${words.join(' ')}: ${stderr}`)
    return stdout
  }
  const start = (one: Running) => {
    running.push(one)
    return one
  }
  try {
    const words = ['controller', ...store, '--join-listen', '127.0.0.1:0']
    await start(new Running(control, words)).says(/machines can join/, 60_000)
    home.write('join', await nsctl('node', 'token', 'create'))
    const agent = start(
      new Running(home, ['agent', '--runtime', 'process', '--store', plain, '--join-token-file', 'join']),
    )
    await agent.says(/agent of node/, 60_000)
    control.write('idle.json', JSON.stringify(SERVICE))
    await nsctl('apply', '-f', 'idle.json')
    await nsctl('wait', '--for=condition=Ready', 'service/idle', '--timeout', '120s')
    await pause(SETTLE_MS)
    const before = cpuMs(agent)
    await pause(LOOK_MS)
    const usedMs = cpuMs(agent) - before
    return [
      {
        bench,
        what: `memory of an agent with ${INSTANCES} instances`,
        value: rssMb(agent),
        unit: 'MB',
        goal: 90,
      },
      {
        bench,
        what: `CPU of an agent with ${INSTANCES} idle instances, of one core`,
        value: usedMs / (LOOK_MS / 100),
        unit: '%',
        goal: 1,
      },
    ]
  } finally {
    await control.run(['delete', 'services', '--all', ...store])
    for (const one of running.toReversed()) await one.stop('SIGTERM')
    await home.run(['down', '--store', plain])
    for (const one of [control, home]) one.remove()
    await lab.cluster.stop()
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function cpuMs({ child }: Running): number {
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  // utime and stime in ticks of 10 ms
  return (Number(fields[11]) + Number(fields[12])) * 10
}

function rssMb({ child }: Running): number {
  const [, kb] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? []
  return Number(kb) / 1024
}
