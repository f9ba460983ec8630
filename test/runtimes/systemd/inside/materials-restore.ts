/** Run inside a node twice, with a reboot between: memory is empty then, and only what was placed anew is started. */
import { existsSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../../src/core/clock.ts'
import { silentLogger } from '../../../../src/core/logger.ts'
import { type ProgramId, type ProgramSpec, programKey } from '../../../../src/runtimes/runtime.ts'
import { openSystemdReader } from '../../../../src/runtimes/systemd/reader.ts'
import { openSystemdRuntime } from '../../../../src/runtimes/systemd/runtime.ts'
import { eventually } from '../../contract/fixture.ts'

const stateDir = '/var/lib/nsctl-materials'
const specs: readonly ProgramSpec[] = [false, true].flatMap((live) =>
  [0, 1].map((ordinal) => ({
    id: {
      namespace: 'default',
      service: live ? 'live' : 'still',
      templateHash: 'h3kq9x2mzc',
      ordinal,
      program: '',
    },
    command: [
      '/bin/sh',
      '-c',
      'echo "$(cat "$CREDENTIALS_DIRECTORY/key") $(cat /srv/tls/key.pem) $TOKEN"; while :; do sleep 1; done',
    ] as const,
    workingDir: '/',
    env: { PATH: '/usr/bin:/bin' },
    storage: [],
    limits: {},
    stop: { signal: 'SIGTERM', graceMs: 1_000 },
    network: 'host' as const,
    relax: [],
    material: {
      credentials: ['key'],
      live,
      environment: true,
      folders: [],
      paths: { '/srv/tls/key.pem': 'key' },
    },
  })),
)

const material = (text: string) => ({
  credentials: new Map([['key', Buffer.from(text)]]),
  environment: new Map([['TOKEN', text]]),
  folders: new Map(),
})

const phase = process.env.NSCTL_LAB_PHASE ?? ''
const runtime = await openSystemdRuntime({
  scope: 'system',
  stateDir,
  clock: systemClock,
  logger: silentLogger,
  signal: new AbortController().signal,
})
const state = (id: ProgramId) => runtime.observe().get(programKey(id))?.state

async function printed(id: ProgramId, text: string): Promise<void> {
  const reader = openSystemdReader({ scope: 'system', stateDir })
  await eventually(`${id.service}-${id.ordinal} prints ${text}`, async () => {
    for await (const line of reader.logs(id, {}, AbortSignal.timeout(10_000)))
      if (line.text === text) return true
    return false
  })
}

const test = suite(`material, ${phase} the reboot`)
if (phase === 'before')
  test('it is given', async () => {
    assert.equal(await runtime.restore(), [])
    for (const spec of specs) {
      await runtime.place(spec.id, material('before'))
      await runtime.start(spec, AbortSignal.timeout(10_000))
    }
    for (const { id } of specs) await printed(id, 'before before before')
  })
else {
  test('nothing is left of it, and what has none is not started', async () => {
    assert.not.ok(existsSync('/run/nsctl/materials'))
    // the first of each is given its own while it is asked about; the others are not to be had
    const restored = await runtime.restore(async (id) => {
      if (id.ordinal === 0) await runtime.place(id, material('after'))
      return true
    })
    assert.equal(restored.map(({ service, ordinal }) => `${service}-${ordinal}`).sort(), [
      'live-0',
      'still-0',
    ])
    for (const { id } of specs.filter((one) => one.id.ordinal === 0)) await printed(id, 'after after after')
    for (const { id } of specs.filter((one) => one.id.ordinal === 1)) assert.is(state(id), undefined)
  })

  test('what waited starts once it is placed', async () => {
    for (const spec of specs) {
      await runtime.place(spec.id, material('after'))
      await runtime.start(spec, AbortSignal.timeout(10_000))
      await eventually('it runs', () => state(spec.id) === 'running')
      await printed(spec.id, 'after after after')
    }
    await runtime.removeAll({ purge: true, signal: AbortSignal.timeout(30_000) })
    for (const left of ['materials', 'links', 'given']) assert.not.ok(existsSync(`/run/nsctl/${left}`), left)
  })
}
test.after(() => runtime.close())
test.run()
