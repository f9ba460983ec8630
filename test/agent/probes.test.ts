import { createServer, type Server } from 'node:http'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ProbeResult, type ProbeSpec, probeOnce, runProbeLoop } from '../../src/agent/probes.ts'
import { localSurroundings } from '../../src/agent/surroundings.ts'
import { ManualClock } from '../../src/core/clock.ts'

const times = { initialDelayMs: 0, periodMs: 1000, timeoutMs: 300, failureThreshold: 2, successThreshold: 1 }
const never = new AbortController().signal
const noExec = async () => 1
const { dial } = localSurroundings()
const how = { exec: noExec, dial }

function listen(
  host: string,
  handler: Parameters<typeof createServer>[1],
): Promise<{ server: Server; port: number }> {
  const server = createServer(handler as never)
  return new Promise((resolve) => {
    server.listen({ host, port: 0 }, () =>
      resolve({ server, port: (server.address() as { port: number }).port }),
    )
  })
}

const probes = suite('probeOnce')

for (const [status, healthy] of [
  [200, true],
  [302, true],
  [404, false],
  [503, false],
] as const) {
  probes(`http ${status} is ${healthy ? 'healthy' : 'unhealthy'}`, async () => {
    const { server, port } = await listen('127.0.0.1', (_, response) => response.writeHead(status).end())
    const result = await probeOnce({ check: { kind: 'http', port, path: '/healthz' }, ...times }, how, never)
    assert.is(result.healthy, healthy)
    if (!healthy) assert.is(result.message, `GET /healthz on port ${port} answered ${status}`)
    server.close()
  })
}

probes('http finds a program that listens on IPv6 only', async () => {
  const { server, port } = await listen('::1', (_, response) => response.end())
  assert.equal(await probeOnce({ check: { kind: 'http', port, path: '/' }, ...times }, how, never), {
    healthy: true,
  })
  server.close()
})

probes('no answer in time is unhealthy, and says how long it waited', async () => {
  const { server, port } = await listen('127.0.0.1', () => {})
  const result = await probeOnce({ check: { kind: 'http', port, path: '/' }, ...times }, how, never)
  assert.equal(result, { healthy: false, message: `http port ${port}: no answer within 300 ms`, late: true })
  server.closeAllConnections()
  server.close()
})

probes('tcp: refused is unhealthy', async () => {
  const { server, port } = await listen('127.0.0.1', () => {})
  assert.is((await probeOnce({ check: { kind: 'tcp', port }, ...times }, how, never)).healthy, true)
  await new Promise((resolve) => server.close(resolve))
  const result = await probeOnce({ check: { kind: 'tcp', port }, ...times }, how, never)
  assert.is(result.healthy, false)
  assert.match(result.message ?? '', /ECONNREFUSED/)
})

probes('exec judges by the exit code', async () => {
  const spec: ProbeSpec = { check: { kind: 'exec', command: ['check', '-x'] }, ...times }
  assert.is((await probeOnce(spec, { exec: async () => 0, dial }, never)).healthy, true)
  assert.equal(await probeOnce(spec, { exec: async () => 3, dial }, never), {
    healthy: false,
    message: 'check exited with 3',
  })
})

probes.run()

const loops = suite('runProbeLoop')

/** Runs a loop whose answers are given, a second at a time, and tells its verdicts. */
async function verdicts(
  answers: readonly boolean[],
  spec: Partial<ProbeSpec> = {},
): Promise<readonly boolean[]> {
  const clock = new ManualClock()
  const seen: boolean[] = []
  const stop = new AbortController()
  let turn = 0
  const exec = async () => (answers[turn++] ? 0 : 1)
  const onVerdict = (result: ProbeResult) => void seen.push(result.healthy)
  runProbeLoop(
    {
      spec: { check: { kind: 'exec', command: ['x'] }, ...times, ...spec },
      clock,
      exec,
      dial,
      eager: false,
      onVerdict,
    },
    stop.signal,
  )
  for (let i = 0; i <= answers.length; i++) {
    clock.advance(i === 0 ? 0 : 1000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  stop.abort()
  assert.is(turn, answers.length + 1)
  return seen
}

loops('is unhealthy only after enough failures in a row', async () => {
  assert.equal(await verdicts([true, false, true, false, false, true, true]), [true, false, true])
})

loops('is healthy only after enough successes in a row', async () => {
  assert.equal(await verdicts([true, false, true, true, true], { successThreshold: 3 }), [true])
})

loops('where time counts, fails only when it is over, however often it is asked until then', async () => {
  const clock = new ManualClock()
  const seen: number[] = []
  const stop = new AbortController()
  runProbeLoop(
    {
      spec: { check: { kind: 'exec', command: ['x'] }, ...times, failureThreshold: 3 },
      clock,
      exec: async () => 1,
      dial,
      eager: true,
      failsByTime: true,
      onVerdict: ({ healthy }) => void seen.push(healthy ? -1 : clock.monotonic()),
    },
    stop.signal,
  )
  const begin = clock.monotonic()
  for (let turn = 0; turn < 100; turn++) {
    clock.advance(50)
    await new Promise((resolve) => setImmediate(resolve))
  }
  stop.abort()
  assert.is(seen.length, 1)
  const afterMs = (seen[0] ?? 0) - begin
  assert.ok(afterMs >= 3000 && afterMs <= 4100, `${afterMs}`)
})

loops('does not probe after it was stopped', async () => {
  const clock = new ManualClock()
  const stop = new AbortController()
  let asked = 0
  const exec = async () => {
    asked++
    return 0
  }
  runProbeLoop(
    {
      spec: { check: { kind: 'exec', command: ['x'] }, ...times },
      clock,
      exec,
      dial,
      eager: true,
      onVerdict: () => {},
    },
    stop.signal,
  )
  clock.advance(0)
  await new Promise((resolve) => setImmediate(resolve))
  stop.abort()
  clock.advance(60_000)
  await new Promise((resolve) => setImmediate(resolve))
  assert.is(asked, 1)
})

loops.run()
