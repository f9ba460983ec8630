/** Run inside a node: the ways to systemd other than its own socket: the message bus, and systemctl. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { silentLogger } from '../../../../src/core/logger.ts'
import { busSockets } from '../../../../src/runtimes/systemd/dbus/address.ts'
import { openDbusManager } from '../../../../src/runtimes/systemd/dbus-manager.ts'
import { detectSystemd } from '../../../../src/runtimes/systemd/detect.ts'
import { isMissingUnit, type UnitChange, type UnitManager } from '../../../../src/runtimes/systemd/manager.ts'
import { openSystemctlManager } from '../../../../src/runtimes/systemd/systemctl-manager.ts'
import { eventually } from '../../contract/fixture.ts'
import { scope, systemctl } from './fixture.ts'

const TEMPLATE = 'nsctl-default_managed_h3kq9x2mzc@'
const unitDir = scope === 'system' ? '/run/systemd/system' : `${process.env.XDG_RUNTIME_DIR}/systemd/user`
const bus = scope === 'system' ? '/run/dbus/system_bus_socket' : `${process.env.XDG_RUNTIME_DIR}/bus`

function lines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').trim().split('\n')
  } catch {
    return []
  }
}

/** What a listener knows. */
class Heard {
  readonly units = new Map<string, UnitChange>()
  lists = 0
  readonly events = {
    changed: (unit: string, change: UnitChange) =>
      void this.units.set(unit, { ...this.units.get(unit), ...change }),
    removed: (unit: string) => {
      this.units.delete(unit)
      return true
    },
    all: (units: ReadonlyMap<string, UnitChange>) => {
      this.lists++
      this.units.clear()
      for (const [unit, change] of units) this.units.set(unit, change)
    },
  }
}

const ways: Record<string, (heard: Heard) => Promise<UnitManager>> = {
  bus: (heard) =>
    openDbusManager({
      scope,
      events: heard.events,
      logger: silentLogger,
      signal: new AbortController().signal,
      endpoints: busSockets(`unix:path=${bus}`),
    }),
  systemctl: (heard) =>
    openSystemctlManager({
      scope,
      events: heard.events,
      logger: silentLogger,
      signal: new AbortController().signal,
    }),
}

for (const [name, open] of Object.entries(ways)) {
  const test = suite<{ heard: Heard; manager: UnitManager }>(`manager by ${name} (${scope})`)
  const unit = (ordinal: number) => `${TEMPLATE}${ordinal}.service`
  const active = (heard: Heard, ordinal: number) => heard.units.get(unit(ordinal))?.activeState === 'active'

  test.before(async (context) => {
    mkdirSync(unitDir, { recursive: true })
    writeFileSync(
      `${unitDir}/${TEMPLATE}.service`,
      '[Unit]\nCollectMode=inactive-or-failed\n[Service]\nExecStart=/bin/sleep 1000\nRestart=on-failure\nRestartSec=100ms\n',
    )
    context.heard = new Heard()
    context.manager = await open(context.heard)
  })
  test.after(async ({ manager }) => {
    await manager?.close()
  })

  test('knows its version', ({ manager }) => {
    assert.ok(manager.version >= 252, String(manager.version))
    assert.is(manager.controlGroup.startsWith('/user.slice'), scope === 'user')
  })

  test('starts more units at once than a bus takes calls', async ({ manager, heard }) => {
    const ordinals = Array.from({ length: 80 }, (_, index) => index)
    await Promise.all(ordinals.map((ordinal) => manager.start(unit(ordinal))))
    await eventually('all are active', () => ordinals.every((ordinal) => active(heard, ordinal)))
    assert.ok(ordinals.every((ordinal) => (heard.units.get(unit(ordinal))?.mainPid ?? 0) > 0))
  })

  test('starts many together, each once, and says which were not taken up', async ({ manager, heard }) => {
    if (manager.startAll === undefined) return
    const ran = `${unitDir}/nsctl-test-ran`
    const quick = 'nsctl-default_quick_h3kq9x2mzc@'
    writeFileSync(
      `${unitDir}/${quick}.service`,
      `[Unit]\nCollectMode=inactive-or-failed\n[Service]\nExecStart=/bin/sh -c "echo %i >>${ran}"\n`,
    )
    systemctl('daemon-reload')
    const sleeping = Array.from({ length: 20 }, (_, index) => unit(100 + index))
    const ending = Array.from({ length: 20 }, (_, index) => `${quick}${index}.service`)
    const missing = 'nsctl-default_none_h3kq9x2mzc@0.service'
    const taken = await manager.startAll([...sleeping, missing, ...ending])
    assert.equal([...taken].sort(), [...sleeping, ...ending].sort())
    await eventually('all run', () => sleeping.every((one) => heard.units.get(one)?.activeState === 'active'))
    await eventually('all have run', () => lines(ran).length >= ending.length)
    assert.equal(
      lines(ran)
        .map(Number)
        .sort((a, b) => a - b),
      [...ending.keys()],
    )
    await eventually('the slice is gone', () => !systemctl('list-units', '--all').includes('nsctl-start'))
    await Promise.all(sleeping.map((one) => manager.stop(one)))
    rmSync(`${unitDir}/${quick}.service`)
    rmSync(ran)
  })

  test('hears of a crash and its restart', async ({ heard }) => {
    // after a reload everything is told anew, a piece at a time
    await eventually('it is known', () => heard.units.get(unit(3))?.mainPid !== undefined)
    const pid = heard.units.get(unit(3))!.mainPid!
    process.kill(pid, 'SIGKILL')
    await eventually('it runs again', () => {
      const seen = heard.units.get(unit(3))
      return seen?.activeState === 'active' && seen.mainPid !== pid && seen.restarts === 1
    })
  })

  test('stops and signals units, and takes those that are not there for stopped', async ({
    manager,
    heard,
  }) => {
    await manager.stop(unit(4))
    await eventually('it is gone', () => !heard.units.has(unit(4)))
    await Promise.all([manager.stop('nsctl-default_none_h3kq9x2mzc@0.service'), manager.resetFailed(unit(4))])
    await manager.kill(unit(4), 9, 'all')
    await manager.kill(unit(5), 15, 'main')
    await eventually('it is ended', () => !heard.units.has(unit(5)))
  })

  test('says which unit has no file', async ({ manager }) => {
    try {
      await manager.start('nsctl-default_none_h3kq9x2mzc@0.service')
      assert.unreachable()
    } catch (error) {
      assert.ok(isMissingUnit(error), String(error))
    }
  })

  test('goes on after systemd has executed itself anew', async ({ manager, heard }) => {
    systemctl('daemon-reexec')
    await manager.start(unit(200))
    await eventually('it is active', () => active(heard, 200))
    assert.ok(active(heard, 10), 'the others are still known')
  })

  if (name === 'bus' && scope === 'system')
    test('goes on after the bus was restarted', async ({ manager, heard }) => {
      const lists = heard.lists
      execFileSync('systemctl', ['restart', 'dbus.service'])
      await eventually('it has listed anew', () => heard.lists > lists)
      await manager.start(unit(201))
      await eventually('it is active', () => active(heard, 201))
      process.kill(heard.units.get(unit(201))!.mainPid!, 'SIGKILL')
      await eventually('signals come again', () => heard.units.get(unit(201))?.restarts === 1)
    })

  test('ends clean', async ({ manager, heard }) => {
    await Promise.all([...heard.units.keys()].map((one) => manager.stop(one)))
    await eventually('all are gone', () => heard.units.size === 0)
  })

  test.run()
}

const detect = suite('detectSystemd')
detect('finds the manager of this user', async () => {
  const found = await detectSystemd()
  assert.is(found?.scope, scope)
  assert.ok((found?.version ?? 0) >= 252)
})
detect.run()
