/**
 * systemd's manager of another machine, over SSH: the same code as on this one. No command is run there for what is known of its units: they are listed
 * once, and what changes is heard of.
 */
import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../src/core/clock.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { Endpoint } from '../../../src/runtimes/systemd/dbus/address.ts'
import { openDbusManager } from '../../../src/runtimes/systemd/dbus-manager.ts'
import type { ManagerEvents, UnitChange } from '../../../src/runtimes/systemd/manager.ts'
import { keepConnected } from '../../../src/transport/kept.ts'
import { openSshTransport, type SshTransport } from '../../../src/transport/ssh/transport.ts'
import { bootNode, canBootNodes } from '../../lab/node.ts'
import { canRunSshd, startSshd } from '../../lab/sshd.ts'
import { needs } from '../../parts.ts'
import { until } from '../../transport/contract.ts'

const COUNT = 100
const real = needs(
  test,
  canRunSshd && canBootNodes(),
  'root on Linux and Debian packages, to boot a node and run sshd',
)
const unitOf = (ordinal: number) => `nsctl-default_web_aaaaaaaaaa@${ordinal}.service`

/** What is known of the units, as the runtime's tracker would keep it. */
function watcher() {
  const units = new Map<string, UnitChange>()
  const deaths = new Map<string, number>()
  const counts = { lists: 0 }
  const events: ManagerEvents = {
    changed: (unit, change) => units.set(unit, { ...units.get(unit), ...change }),
    removed(unit) {
      deaths.set(unit, performance.now())
      units.delete(unit)
      return true
    },
    all(all) {
      counts.lists++
      for (const unit of [...units.keys()]) if (!all.has(unit)) units.delete(unit)
      for (const [unit, change] of all) units.set(unit, { ...units.get(unit), ...change })
    },
  }
  const running = () => [...units.values()].filter(({ activeState }) => activeState === 'active').length
  return { units, deaths, counts, events, running }
}

real('a hundred units are started, listed and heard of through one connection', async () => {
  const node = await bootNode({ name: 'remote', release: 'bookworm' })
  const server = await startSshd({ amongProcessesOf: node.pid, config: ['LogLevel VERBOSE'] })
  const opened: SshTransport[] = []
  const kept = keepConnected({
    name: 'n1',
    open: async (signal) => {
      const transport = await openSshTransport({
        target: {
          host: '127.0.0.1',
          port: server.port,
          user: 'root',
          identity: { file: server.keyFile },
          hostKey: { kind: 'pinned', keys: [server.hostKey] },
        },
        clock: systemClock,
        signal,
      })
      opened.push(transport)
      return transport
    },
    clock: systemClock,
    random: () => 0,
    logger: silentLogger,
  })
  try {
    const signal = AbortSignal.timeout(60_000)
    const unit =
      '[Unit]\nCollectMode=inactive-or-failed\n[Service]\nExecStart=/bin/sleep infinity\nSlice=nsctl.slice\n'
    await node.exec(['sh', '-c', 'cat >/run/systemd/system/nsctl-default_web_aaaaaaaaaa@.service'], {
      input: unit,
    })
    const seen = watcher()
    // the node's own sockets, as they are reached from where this sshd runs
    const socketPath = `/proc/${node.pid}/root/run/systemd/private`
    const endpoint: Endpoint = {
      socketPath,
      bus: false,
      remote: { uid: 0, open: (given) => kept.connect({ socketPath }, given) },
    }
    const options = { scope: 'system', logger: silentLogger, signal, endpoints: [endpoint] } as const
    const manager = await openDbusManager({ ...options, events: seen.events })
    assert.is(manager.version, 252)
    const startedAt = performance.now()
    const units = Array.from({ length: COUNT }, (_, ordinal) => unitOf(ordinal))
    const taken = (await manager.startAll?.(units)) ?? new Set()
    await Promise.all(units.filter((name) => !taken.has(name)).map((name) => manager.start(name)))
    await until(() => seen.running() === COUNT, 'all run')
    const startMs = performance.now() - startedAt

    const rounds: number[] = []
    for (let round = 0; round < 5; round++) {
      const other = watcher()
      const at = performance.now()
      const second = await openDbusManager({ ...options, events: other.events })
      rounds.push(performance.now() - at)
      assert.is(other.running(), COUNT)
      await second.close()
    }

    const heard: number[] = []
    for (let ordinal = 0; ordinal < 10; ordinal++) {
      const pid = await node.run(['systemctl', 'show', '--value', '-p', 'MainPID', unitOf(ordinal)])
      const at = performance.now()
      spawnSync('nsenter', ['-t', String(node.pid), '-a', '--', 'kill', '-9', pid.trim()])
      await until(() => seen.deaths.has(unitOf(ordinal)), 'its death is heard of')
      heard.push((seen.deaths.get(unitOf(ordinal)) as number) - at)
    }
    assert.is(seen.running(), COUNT - 10)
    assert.is(seen.counts.lists, 1, 'nothing was looked for again')

    // the connection breaks: it is made again, and what changed meanwhile is seen
    await opened[0]?.close()
    await node.run(['systemctl', 'stop', unitOf(50)])
    await until(() => seen.counts.lists > 1 && seen.running() === COUNT - 11, 'all is known again', 20_000)
    await manager.stop(unitOf(51))
    await until(() => seen.running() === COUNT - 12, 'it goes on')
    assert.is(opened.length, 2)
    await manager.close()
    const commands = () => (server.log().match(/Starting session: command/g) ?? []).length
    assert.is(commands(), 0, 'no command was run there')
    await kept.run({ argv: ['true'] }, { signal })
    assert.is(commands(), 1, 'and one would have been seen')
    const middle = (all: readonly number[]) => [...all].sort((a, b) => a - b)[all.length >> 1]?.toFixed(1)
    console.log(
      `over SSH: ${COUNT} units started in ${startMs.toFixed(0)} ms; their state in ${middle(rounds)} ms and 0 commands; a death heard of within ${middle(heard)} ms (kill included)`,
    )
  } finally {
    await kept.close()
    await server.kill()
    await node.stop()
  }
})

test.run()
