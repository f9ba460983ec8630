/** Programs that fail: nsctl owns their backoff, so that nothing of theirs can make `nixos-rebuild switch` fail. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { onEachRelease, type World } from './world.ts'

const CRASHES = { command: ['/bin/sh', '-c', 'sleep 0.1; echo last words; exit 78'], workingDir: '/' }
/** systemd's own restarts: three, 100 ms apart, of a program that lives for 100 ms. Slow machines included. */
const BURST_LIMIT_MS = 6_000
const WATCH_LIMIT_MS = 90_000

interface Sample {
  readonly atMs: number
  /** A unit of ours: what switch-to-configuration counts as a failure. */
  readonly failed: boolean
  readonly loaded: boolean
}

function service(name: string, source: object, more: object = {}): object {
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name },
    spec: { replicas: 1, template: { source }, ...more },
  }
}

interface Stretches {
  /** How long something was loaded, each time. */
  readonly loadedMs: readonly number[]
  /** How long there was nothing in between. */
  readonly pausesMs: readonly number[]
}

/** Looks at the units as often as systemctl answers, until it has seen so many pauses between bursts. */
async function watchUnits(world: World, pauses: number): Promise<readonly Sample[]> {
  const samples: Sample[] = []
  const startedMs = performance.now()
  for (let atMs = 0; stretchesOf(samples).pausesMs.length < pauses; atMs = performance.now() - startedMs) {
    assert.ok(atMs < WATCH_LIMIT_MS, `${pauses} pauses: ${JSON.stringify(stretchesOf(samples))}`)
    const units = [...(await world.units()).values()]
    samples.push({
      atMs,
      failed: units.some(({ active }) => active === 'failed'),
      loaded: units.length > 0,
    })
  }
  return samples
}

/** Those that have ended. */
function stretchesOf(samples: readonly Sample[]): Stretches {
  const loadedMs: number[] = []
  const pausesMs: number[] = []
  let before: Sample | undefined
  let changedMs: number | undefined
  for (const sample of samples) {
    if (before !== undefined && before.loaded !== sample.loaded) {
      // before the first burst there is no pause
      if (changedMs !== undefined) (before.loaded ? loadedMs : pausesMs).push(sample.atMs - changedMs)
      else if (before.loaded) loadedMs.push(sample.atMs)
      changedMs = sample.atMs
    }
    before = sample
  }
  return { loadedMs, pausesMs }
}

onEachRelease('a crash loop leaves no failed unit, and between its bursts no unit', async (world) => {
  await world.up()
  await world.apply(service('crash', CRASHES))
  const samples = await watchUnits(world, 3)
  assert.ok(samples.length > 30, `looked only ${samples.length} times`)
  assert.not.ok(
    samples.some(({ failed }) => failed),
    'a unit was listed as failed',
  )
  // bursts end: between them there is nothing to be seen
  const { loadedMs, pausesMs } = stretchesOf(samples)
  for (const one of loadedMs) assert.ok(one < BURST_LIMIT_MS, `loaded for ${one} ms at a stretch`)
  const [first = 0, , third = 0] = pausesMs
  assert.ok(third > first, `the longer it fails the less it is tried: pauses of ${pausesMs.join(', ')} ms`)

  const [instance] = await world.until('it waits', async () => {
    const all = await world.instances()
    return all[0]?.status.phase === 'Backoff' ? all : undefined
  })
  assert.is(instance?.status.lastFailure.exitCode, 78)
  assert.ok(instance?.status.restarts >= 6)
  const described = await world.nsctl('describe service crash')
  assert.match(described, /Degraded\s+True.*CrashLoop: crash-0.*exits with 78 \(\d+ restarts\)/)
  assert.match(
    await world.nsctl(`describe instance ${instance?.metadata.name}`),
    /Last failure\s+exits with 78/,
  )
  assert.match(await world.nsctl('logs service/crash --tail 1'), /^last words$/m)
  assert.match(await world.nsctl('logs service/crash --previous --tail 1'), /^last words$/m)
  assert.match(await world.nsctl('get svc'), /crash\s+0\/1.*CrashLoop: crash-0-\w+ exits with 78/)

  // mended, it comes back without waiting for the backoff of what is no longer wanted
  await world.apply(service('crash', { command: ['/bin/sleep', '1000'], workingDir: '/' }))
  await world.nsctl('wait --for=condition=Ready service/crash --timeout=60s')
})

onEachRelease(
  'a program that is killed is back by systemd alone, and counted by the next daemon',
  async (world) => {
    await world.up()
    await world.apply(service('sleep', { command: ['/bin/sleep', '1000'], workingDir: '/' }))
    await world.nsctl('wait --for=condition=Ready service/sleep --timeout=60s')
    await world.killDaemon()
    const [unit = ''] = (await world.units()).keys()
    const pid = await world.sh(`systemctl show -p MainPID --value ${unit}`)
    await world.sh(`kill -9 ${pid}`)
    await world.until('systemd has started it again', async () => {
      const now = await world.sh(`systemctl show -p MainPID --value ${unit}`)
      return now !== '0' && now !== pid
    })
    await world.up()
    const [instance] = await world.until('it is counted', async () => {
      const all = await world.instances()
      return all[0]?.status.restarts === 1 && all[0].status.ready ? all : undefined
    })
    assert.is(instance?.status.lastFailure.signal, 'SIGKILL')
  },
)

onEachRelease(
  'a revision that does not become ready is abandoned, and the last good one runs on',
  async (world) => {
    await world.up()
    const good = service('web', { command: ['/bin/sleep', '1000'], workingDir: '/' })
    await world.apply(good)
    await world.nsctl('rollout status service web --timeout=60s')
    const before = await world.pids()
    await world.apply(service('web', CRASHES, { update: { progressDeadline: '20s' } }))
    const status = await world.until('it is rolled back', async () => {
      const { status } = await world.get('service web')
      const degraded = status.conditions.find((one: { type: string }) => one.type === 'Degraded')
      return degraded.reason === 'RolledBack' && { ...status, degraded }
    })
    assert.match(status.degraded.message, /exits with 78|crash/i)
    assert.is(status.revisionName, 'r1')
    assert.is.not(status.failedHash, status.stableHash)
    await world.until('only the good one is left', async () => (await world.units()).size === 1)
    assert.equal(await world.pids(), before, 'the good one was never touched')
    const { spec } = await world.get('service web')
    assert.equal(spec.template.source.command, CRASHES.command, 'the spec is the user’s')
    assert.match(await world.nsctl('get svc web'), /1\/1.*RolledBack/)
  },
)

onEachRelease('what cannot be started says why', async (world) => {
  await world.up()
  await world.sh('mkdir -p /srv/closed && chmod 700 /srv/closed && cp /bin/sleep /srv/closed/sleep')
  await world.apply(service('missing', { command: ['nonsense'], workingDir: '/' }))
  await world.apply(service('closed', { command: ['/srv/closed/sleep', '1000'], workingDir: '/srv/closed' }))
  await world.until('the missing program is named', async () =>
    /ProgramNotFound|nonsense is not there/.test(await world.nsctl('get svc missing')),
  )
  // only systemd sees it, as the service's own user
  const [instance] = await world.until('systemd has tried', async () => {
    const all = (await world.instances()).filter((one) => one.metadata.name.startsWith('closed-'))
    return all[0]?.status.lastFailure === undefined ? undefined : all
  })
  assert.match(
    instance?.status.lastFailure.message,
    /working directory|permission|could not be executed|CHDIR/i,
  )
})

test.run()
