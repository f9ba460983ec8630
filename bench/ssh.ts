/** What it costs to know the state of 100 units on a machine over SSH: commands run there, and time beside that of the one command that would say it. */
import { surroundingsOver } from '../src/agent/surroundings-over.ts'
import { systemClock } from '../src/core/clock.ts'
import { silentLogger } from '../src/core/logger.ts'
import type { Endpoint } from '../src/runtimes/systemd/dbus/address.ts'
import { openDbusManager } from '../src/runtimes/systemd/dbus-manager.ts'
import { openSystemdOver } from '../src/runtimes/systemd/over/open.ts'
import { openSshTransport, type SshTransport } from '../src/transport/ssh/transport.ts'
import { canMakeNetworks, makeNetwork } from '../test/lab/network.ts'
import { bootNode, canBootNodes, type LabNode } from '../test/lab/node.ts'
import { startNodeSshd } from '../test/lab/node-sshd.ts'
import type { Row } from './measure.ts'

const COUNT = 100
const ROUNDS = 15
const SOCKET = '/run/systemd/private'
const SHOW = ['systemctl', 'show', '-p', 'Id,ActiveState,SubState,MainPID', 'nsctl-*@*.service'] as const
const bench = 'ssh'

export async function benchSsh(): Promise<readonly Row[]> {
  if (!canBootNodes() || !canMakeNetworks()) {
    console.log('left out: SSH (no root, to boot a node)')
    return []
  }
  const network = await makeNetwork()
  const node = await bootNode({ name: 'ssh', release: 'bookworm' })
  const { address } = await network.adopt('ssh', node.pid)
  const sshd = await startNodeSshd(node)
  const signal = AbortSignal.timeout(120_000)
  try {
    await startUnits(node)
    const target = {
      ...{ host: address, user: 'root', identity: { file: sshd.keyFile } },
      hostKey: { kind: 'pinned', keys: [sshd.hostKey] } as const,
    }
    const connectedMs = await timed(async () => {
      await (await openSshTransport({ target, clock: systemClock, signal })).close()
    })
    const counted = counting(await openSshTransport({ target, clock: systemClock, signal }))
    const remote: Endpoint = {
      socketPath: SOCKET,
      bus: false,
      remote: { uid: 0, open: (given) => counted.transport.connect({ socketPath: SOCKET }, given) },
    }
    const [rounds, shows, commands] = [[] as number[], [] as number[], [] as number[]]
    for (let round = 0; round < ROUNDS; round++) {
      rounds.push(await timed(() => statusRound(remote, signal)))
      shows.push(await timed(() => counted.transport.run({ argv: SHOW }, { signal })))
      commands.push(await timed(() => counted.transport.run({ argv: ['true'] }, { signal })))
    }
    const asked = counted.commands() - 2 * ROUNDS
    const agent = await agentRounds(counted, signal)
    await counted.transport.close()
    return [
      {
        bench,
        what: `commands run there for the state of ${COUNT} units`,
        value: asked,
        unit: 'count',
        goal: 3,
      },
      {
        bench,
        what: `state of ${COUNT} units over a connection that stands`,
        value: middle(rounds),
        unit: 'ms',
      },
      {
        bench,
        what: 'the same, compared with systemctl show run there',
        value: middle(rounds) / middle(shows),
        unit: '×',
      },
      ...agent,
      { bench, what: 'one command over a connection that stands', value: middle(commands), unit: 'ms' },
      { bench, what: 'connecting, logging in, closing', value: connectedMs, unit: 'ms' },
    ]
  } finally {
    await node.stop()
    sshd.remove()
    await network.close()
  }
}

/** What keeps a node without an agent true: that it is there, what is short, what is used, and how its programs are. */
async function agentRounds(
  { transport, commands }: ReturnType<typeof counting>,
  signal: AbortSignal,
): Promise<readonly Row[]> {
  const stop = new AbortController()
  const places = { stateDir: '/var/lib/nsctl', runDir: '/run/nsctl' }
  const open = () =>
    openSystemdOver({
      ...{ transport, ...places, clock: systemClock, logger: silentLogger, signal: stop.signal },
      onBroken: (error) => console.log(error.message),
    })
  const openedMs = await timed(async () => (await open()).close())
  const runtime = await open()
  const machine = surroundingsOver(transport, stop.signal)
  const [times, counts] = [[] as number[], [] as number[]]
  for (let round = 0; round < ROUNDS; round++) {
    const before = commands()
    times.push(
      await timed(async () => {
        await transport.run({ argv: ['true'] }, { signal })
        const [usage] = await Promise.all([runtime.usage(), machine.pressure(places.stateDir)])
        const running = [...runtime.observe().values()].filter(({ state }) => state === 'running').length
        if (usage.length !== COUNT || running !== COUNT) throw new Error(`saw ${usage.length}, ${running}`)
      }),
    )
    counts.push(commands() - before)
  }
  await runtime.close()
  stop.abort()
  const what = `a status round of ${COUNT} instances without an agent there`
  return [
    { bench, what: `commands for ${what}`, value: Math.max(...counts), unit: 'count', goal: 3 },
    { bench, what, value: middle(times), unit: 'ms' },
    { bench, what: `learning all of a machine with ${COUNT} instances`, value: openedMs, unit: 'ms' },
  ]
}

async function startUnits(node: LabNode): Promise<void> {
  const script = `
    printf '[Service]\\nExecStart=/bin/sleep infinity\\nSlice=nsctl.slice\\n' >/run/systemd/system/nsctl-default_web_aaaaaaaaaa@.service
    systemctl daemon-reload
    systemctl start $(seq -f 'nsctl-default_web_aaaaaaaaaa@%g.service' 0 ${COUNT - 1})`
  await node.run(['sh', '-c', script])
}

/** As an agent does that has to begin from nothing. @throws Error where it does not see all of them */
async function statusRound(endpoint: Endpoint, signal: AbortSignal): Promise<void> {
  let running = 0
  const manager = await openDbusManager({
    ...{ scope: 'system', logger: silentLogger, signal, endpoints: [endpoint] },
    events: {
      changed: () => {},
      removed: () => true,
      all: (units) => {
        running = [...units.values()].filter(({ activeState }) => activeState === 'active').length
      },
    },
  })
  await manager.close()
  if (running !== COUNT) throw new Error(`saw ${running} of ${COUNT} units`)
}

function counting(inner: SshTransport): {
  readonly transport: SshTransport
  readonly commands: () => number
} {
  let commands = 0
  const transport = new Proxy(inner, {
    get(target, name) {
      if (['run', 'spawn', 'putFile', 'getFile'].includes(String(name))) commands++
      const member = Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
  return { transport, commands: () => commands }
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await run()
  return performance.now() - startedMs
}

function middle(all: readonly number[]): number {
  return [...all].sort((a, b) => a - b)[all.length >> 1] as number
}
