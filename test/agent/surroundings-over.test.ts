/** Asked of this machine over a transport, as another would be, it says what it says by itself. */
import { createServer } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { localSurroundings } from '../../src/agent/surroundings.ts'
import { listensOn, readFacts, readSample, surroundingsOver } from '../../src/agent/surroundings-over.ts'
import { localTransport } from '../../src/transport/local/transport.ts'
import type { Transport } from '../../src/transport/transport.ts'

const test = suite('surroundingsOver')

async function over(use: (given: { transport: Transport; commands: () => number }) => Promise<void>) {
  const transport = localTransport()
  let commands = 0
  const run = transport.run.bind(transport)
  transport.run = (...words) => {
    commands++
    return run(...words)
  }
  try {
    await use({ transport, commands: () => commands })
  } finally {
    await transport.close()
  }
}

test('facts and pressure are what the machine itself says', () =>
  over(async ({ transport }) => {
    const [there, here] = [surroundingsOver(transport, AbortSignal.timeout(20_000)), localSurroundings()]
    assert.equal(await there.facts(), await here.facts())
    const [sample, own] = [await there.pressure('/nowhere/at/all'), await here.pressure('/')]
    assert.is(sample.memory?.totalBytes, own.memory?.totalBytes)
    assert.is(sample.disk?.sizeBytes, own.disk?.sizeBytes)
    assert.is(sample.stalledSeconds === undefined, own.stalledSeconds === undefined)
  }))

test('its figures are those that it reads by itself, in one command', () =>
  over(async ({ transport, commands }) => {
    const [there, here] = [
      await surroundingsOver(transport, AbortSignal.timeout(20_000)).figures(),
      await localSurroundings().figures(),
    ]
    assert.is(commands(), 1)
    const shapeOf = (one: typeof there) => ({
      cpu: [...one.cpu.keys()],
      memory: one.memory.get('MemTotal'),
      disks: one.disks.map(({ device }) => device),
      pressure: one.pressure.map(({ resource, extent }) => `${resource} ${extent}`),
      load: one.load.length,
      filesystems: one.filesystems.map(({ mountpoint, type, sizeBytes }) => [mountpoint, type, sizeBytes]),
    })
    assert.equal(shapeOf(there), shapeOf(here))
    assert.ok(there.filesystems.length > 0 && there.cpu.size > 0)
  }))

test('what is asked in one moment is one command', () =>
  over(async ({ transport, commands }) => {
    const { finder, isPortFree } = surroundingsOver(transport, AbortSignal.timeout(20_000))
    const server = createServer()
    await new Promise<void>((resolve) => server.listen({ port: 0, host: '::' }, resolve))
    const { port } = server.address() as { port: number }
    const found = await Promise.all([
      ...Array.from({ length: 50 }, () => finder.find('sh', '/', 'relative:/nowhere:/tmp:/bin')),
      finder.find('./sh', '/bin', ''),
      finder.find("it's not\nthere", '/', '/bin'),
      finder.isFolder('/bin'),
      finder.isFolder('/bin/sh'),
      isPortFree(port, 'TCP'),
      isPortFree(port, 'UDP'),
    ])
    server.close()
    assert.is(commands(), 1)
    assert.equal(new Set(found.slice(0, 51)), new Set(['/bin/sh']))
    assert.equal(found.slice(51), [undefined, true, false, false, true])
  }))

test('what cannot be asked is an error for each who asked', () =>
  over(async ({ transport }) => {
    const { finder } = surroundingsOver(transport, AbortSignal.abort(new Error('the way has ended')))
    const answers = await Promise.allSettled([finder.isFolder('/'), finder.isFolder('/tmp')])
    assert.equal(
      answers.map(({ status }) => status),
      ['rejected', 'rejected'],
    )
  }))

test('an answer that is none is refused, and one of another machine is read', () => {
  assert.throws(
    () => readFacts('bash: command not found', 'ssh root@n1:22'),
    /ssh root@n1:22 does not say what it is/,
  )
  const said = 'system Linux\nrelease 6.1.0\narch aarch64\ncores 4\nboot abc\nnixos yes\nMemTotal:  1000 kB\n'
  assert.equal(readFacts(said, 'n1'), {
    has: { cpuMillis: 4000, memoryBytes: 1_024_000 },
    os: 'Linux 6.1.0',
    bootId: 'abc',
    system: { arch: 'arm64', platform: 'linux', isNixos: true },
  })
  assert.equal(readSample('disk 4096 100 50 0 0\nMemTotal: 10 kB\nMemAvailable: 5 kB\nstalls\n'), {
    memory: { totalBytes: 10_240, availableBytes: 5_120 },
    disk: { sizeBytes: 409_600, availableBytes: 204_800, inodesPart: 1 },
  })
})

test('only who listens has a port of TCP, and whoever sits on one has it of UDP', () => {
  const said = [
    'table tcp',
    '  sl  local_address rem_address   st',
    '   0: 00000000:1F90 00000000:0000 0A 0',
    '   1: 0100007F:4E20 0100007F:1F90 01 0',
    'table udp6',
    '  sl  local_address rem_address   st',
    '   0: 00000000000000000000000000000000:0035 0:0000 07 0',
    '',
  ].join('\n')
  assert.equal(
    [
      listensOn(said, 8080, 'TCP'),
      listensOn(said, 20_000, 'TCP'),
      listensOn(said, 53, 'UDP'),
      listensOn(said, 53, 'TCP'),
    ],
    [true, false, true, false],
  )
})

test.run()
