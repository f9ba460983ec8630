/** What a manager's connection hears while systemd is reloaded; with the real one in inside/managers.ts. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { silentLogger } from '../../../src/core/logger.ts'
import type { IncomingMessage } from '../../../src/runtimes/systemd/dbus/message.ts'
import { openDbusManager } from '../../../src/runtimes/systemd/dbus-manager.ts'
import { LISTED_SIGNATURE } from '../../../src/runtimes/systemd/interfaces.ts'
import { objectPathOfUnit, unitName } from '../../../src/runtimes/systemd/names.ts'
import { openPeer, reply, signal } from './peer.ts'

const unit = unitName({
  namespace: 'default',
  service: 'web',
  templateHash: 'h3kq9x2mzc',
  ordinal: 0,
  program: '',
})
const QUEUED = [unit, '', 'loaded', 'inactive', 'dead', '', objectPathOfUnit(unit), 7, 'start', '/']

test('a reload that begins while the connection is made takes no unit away', async () => {
  const told: string[] = []
  let listed = 0
  const answer = (call: IncomingMessage): readonly Buffer[] => {
    if (call.member === 'ListUnitsByPatterns') {
      // by now the units are out of memory, and back in
      const reloaded = listed++ === 0 ? [signal('UnitRemoved', 'so', [unit, objectPathOfUnit(unit)])] : []
      const ended = listed === 1 ? [signal('Reloading', 'b', [false])] : []
      return [...reloaded, ...ended, reply(call, LISTED_SIGNATURE, [[QUEUED as never]])]
    }
    if (call.member !== 'Get') return [reply(call, '', [])]
    const name = String(call.body().readAll('ss')[1])
    if (name === 'Version') return [reply(call, 'v', [{ signature: 's', value: '252' }])]
    if (name !== 'ControlGroup') return [reply(call, 'v', [{ signature: 'u', value: 0 }])]
    return [reply(call, 'v', [{ signature: 's', value: '/' }]), signal('Reloading', 'b', [true])]
  }
  const peer = await openPeer(answer)
  const closing = new AbortController()
  const { promise: again, resolve } = Promise.withResolvers<void>()
  try {
    const manager = await openDbusManager({
      scope: 'system',
      events: {
        changed: () => {},
        removed: (name) => {
          told.push(`removed ${name}`)
          return true
        },
        all: (units) => {
          told.push(`all ${[...units.keys()]}`)
          if (told.filter((one) => one.startsWith('all')).length === 2) resolve()
        },
      },
      logger: silentLogger,
      signal: closing.signal,
      endpoints: [{ socketPath: peer.socketPath, bus: false }],
    })
    await again
    assert.equal(told, [`all ${unit}`, `all ${unit}`])
    await manager.close()
  } finally {
    closing.abort()
    await peer.close()
  }
})

test.run()
