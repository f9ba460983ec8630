/** What a Service asks of its machine, seen through nsctl: protection, limits, logs, commands beside it, storage, groups. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NODE_REPOSITORY } from '../lab/node.ts'
import { onEachRelease, type World } from './world.ts'

const PROGRAMS = `${NODE_REPOSITORY}/test/runtimes/systemd/inside/programs`

function service(name: string, template: object, more: object = {}): object {
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name },
    spec: { replicas: 1, template, ...more },
  }
}

const shell = (script: string) => ({ command: ['/bin/sh', '-c', script], workingDir: '/' })

async function ready(world: World, name: string): Promise<void> {
  await world.nsctl(`wait --for=condition=Ready service/${name} --timeout=60s`)
}

async function unitOf(world: World, name: string): Promise<string> {
  const unit = [...(await world.units()).keys()].find((one) => one.startsWith(`nsctl-default_${name}_`))
  assert.ok(unit, `${name} has no unit`)
  return unit
}

/** Of the unit as it runs: its text and what systemd makes of it. */
async function exposure(world: World, name: string): Promise<number> {
  const text = await world.sh(`systemd-analyze security --no-pager '${await unitOf(world, name)}'`)
  const level = Number(/Overall exposure level for .*: ([\d.]+)/.exec(text)?.[1])
  console.log(`exposure of ${name} on ${world.release}: ${level}`)
  return level
}

async function ask(world: World, name: string): Promise<string> {
  return world.fetch((await world.nsctl(`get service ${name} -o jsonpath={.status.url}`)).split(' ')[0] ?? '')
}

onEachRelease('a service is protected, and works', async (world) => {
  await world.up()
  await world.nsctl(`apply -f ${NODE_REPOSITORY}/examples/quickstart`)
  const node = { command: ['node', `${PROGRAMS}/web.mjs`], workingDir: '/' }
  const ports = [{ name: 'http' }]
  await world.apply(service('report', { source: node, ports, readiness: { tcp: { port: 'http' } } }))
  await world.apply(service('alone', { source: node, network: 'none' }))
  for (const name of ['web', 'report', 'alone']) await ready(world, name)
  const { dns, worker, child, interfaces, cpus, uid } = JSON.parse(await ask(world, 'report'))
  assert.equal(
    { dns, worker, child, interfaces, cpus },
    { dns: true, worker: 42, child: 'child', interfaces: true, cpus: true },
  )
  assert.ok(uid >= 61184 && uid <= 65519, `a dynamic user, not ${uid}`)
  assert.ok((await exposure(world, 'web')) <= 1.2)
  assert.ok((await exposure(world, 'report')) <= 1.2)
  assert.ok((await exposure(world, 'alone')) <= 0.5)
})

onEachRelease('limits hold, and what goes beyond memory is said to be out of memory', async (world) => {
  await world.up()
  const eat = 'const all = []; setInterval(() => all.push(Buffer.alloc(8 << 20, 1)), 20)'
  const eater = { command: ['node', '-e', eat], workingDir: '/' }
  await world.apply(service('eater', { source: eater, resources: { memory: '100Mi' } }))
  const limits = { cpu: '750m', tasks: 20 }
  await world.apply(
    service('limited', { source: shell('sleep 1000'), resources: { cpu: '500m', memory: '64Mi' }, limits }),
  )
  await ready(world, 'limited')
  const shown = await world.sh(
    `systemctl show -p CPUQuotaPerSecUSec,CPUWeight,MemoryMax,TasksMax '${await unitOf(world, 'limited')}'`,
  )
  assert.equal(shown.split('\n').sort(), [
    'CPUQuotaPerSecUSec=750ms',
    'CPUWeight=50',
    'MemoryMax=67108864',
    'TasksMax=20',
  ])
  const status = await world.until('it was out of memory', async () => {
    const eaters = (await world.instances()).filter((one) => one.metadata.name.startsWith('eater-'))
    return eaters[0]?.status.lastFailure?.reason === 'OOMKilled' && eaters[0].status
  })
  assert.match(status.lastFailure.message, /memory|100Mi/)
  await world.until('an event says so', async () => /OOMKilled.*eater-0/.test(await world.nsctl('events')))
  assert.match(await world.nsctl('describe service eater'), /OOM|memory/)
})

onEachRelease('logs come from the journal, and commands run beside programs', async (world) => {
  await world.up()
  const count = 'i=0; while :; do i=$((i+1)); echo line $i; sleep 0.1; done'
  await world.apply(service('talk', { source: shell(count) }, { replicas: 2 }))
  await ready(world, 'talk')
  await world.until('five lines', async () => (await world.nsctl('logs talk-0')).split('\n').length > 5)
  const tail = (await world.nsctl('logs talk-0 --tail 3')).trim().split('\n')
  assert.is(tail.length, 3)
  for (const line of tail) assert.match(line, /^line \d+$/)
  const prefixed = await world.nsctl('logs service/talk --prefix --tail 2')
  assert.match(prefixed, /talk-0/)
  assert.match(prefixed, /talk-1/)

  // following: lines in order, none lost, none twice
  const child = world.node.spawn([`${NODE_REPOSITORY}/bin/nsctl`, 'logs', '-f', 'talk-0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let followed = ''
  child.stdout?.on('data', (data) => {
    followed += data
  })
  await world.until('thirty lines', async () => followed.split('\n').length > 30)
  child.kill('SIGINT')
  const numbers = followed.match(/(?<=line )\d+(?=\n)/g)?.map(Number) ?? []
  assert.equal(
    numbers,
    numbers.map((_, index) => index + 1),
  )

  const id = await world.nsctl('exec talk-0 -- id')
  assert.match(id, /^uid=6[1-5]\d{3}\b/)
  const inside = await world.nsctl(['exec', 'talk-0', '--', 'sh', '-c', 'cat /proc/self/cgroup; exit 0'])
  assert.match(inside, /nsctl-default_talk/)
  assert.is((await world.tryNsctl(['exec', 'talk-0', '--', 'sh', '-c', 'exit 7'])).code, 7)

  // of the process before the present one
  const first = await world.sh(`systemctl show -p MainPID --value '${await unitOf(world, 'talk')}'`)
  await world.sh(`kill -9 ${first}`)
  await world.until('it is back', async () =>
    (await world.instances()).some((one) => one.status.restarts === 1),
  )
  const previous = await world.nsctl('logs talk-0 --previous --tail 1')
  assert.match(previous, /^line \d+\n$/)
  assert.ok(Number(/\d+/.exec(previous)?.[0]) >= numbers.length)
})

onEachRelease('storage outlives revisions and the service, until it is purged', async (world) => {
  await world.up()
  const write = 'id -u >>$STORAGE_DATA/life; stat -c %u $STORAGE_DATA >>/data/owners; exec sleep 1000'
  const stateful = (env: string) =>
    service(
      'db',
      { source: shell(write), env: [{ name: 'V', value: env }] },
      { storage: [{ name: 'data', path: '/data' }] },
    )
  const lives = async () => (await world.sh('cat /var/lib/nsctl/storage/default/db/data/0/life')).split('\n')
  await world.apply(stateful('1'))
  await world.nsctl('rollout status service db --timeout=60s')
  await world.apply(stateful('2'))
  await world.nsctl('rollout status service db --timeout=60s')
  await world.nsctl('rollback service db')
  await world.nsctl('rollout status service db --timeout=60s')
  const [owner = '', ...others] = await lives()
  assert.match(owner, /^6[1-5]\d{3}$/, 'a dynamic user')
  assert.equal(others, [owner, owner])
  assert.is(await world.sh('sort -u /var/lib/nsctl/storage/default/db/data/0/owners'), owner)
  assert.not.match(await world.nsctl('events'), /StorageAdopted/)

  await world.nsctl('delete service db --timeout=60s')
  assert.is((await lives()).length, 3, 'its data is kept')
  await world.apply(stateful('3'))
  await world.nsctl('rollout status service db --timeout=60s')
  assert.is((await lives()).length, 4)
  await world.until('that is told', async () => /StorageAdopted/.test(await world.nsctl('events')))

  await world.nsctl('delete service db --purge --timeout=60s')
  assert.is(await world.sh('find /var/lib/nsctl/storage /var/lib/private/nsctl/storage -mindepth 1'), '')
})

onEachRelease(
  'a group is one unit of life: each program has a unit, and the instance is ready when all are',
  async (world) => {
    await world.up()
    const programs = [
      {
        name: 'server',
        source: { command: ['node', `${PROGRAMS}/web.mjs`], workingDir: '/' },
        readiness: { http: { port: 'http' } },
      },
      { name: 'helper', source: shell('echo helping; exec sleep 1000'), resources: { memory: '32Mi' } },
    ]
    await world.apply(service('pod', { programs, ports: [{ name: 'http' }] }))
    await ready(world, 'pod')
    const units = [...(await world.units()).keys()]
    assert.is(units.length, 2)
    for (const name of ['server', 'helper'])
      assert.ok(
        units.some((one) => one.includes(`_${name}@0`)),
        name,
      )
    assert.match(await world.nsctl('logs pod-0 -c helper'), /^helping$/m)
    assert.match(await world.nsctl('exec pod-0 -c helper -- id -u'), /^6[1-5]\d{3}$/m)
    const helper = units.find((one) => one.includes('_helper@')) ?? ''
    const server = units.find((one) => one.includes('_server@')) ?? ''
    const serverPid = await world.sh(`systemctl show -p MainPID --value '${server}'`)
    await world.sh(`kill -9 $(systemctl show -p MainPID --value '${helper}')`)
    await world.until('the helper is back', async () => {
      const [one] = await world.instances()
      return one?.status.restarts === 1 && one.status.ready
    })
    assert.is(
      await world.sh(`systemctl show -p MainPID --value '${server}'`),
      serverPid,
      'the other was left alone',
    )
    await world.nsctl('delete service pod --timeout=60s')
    assert.is((await world.units()).size, 0)
  },
)

onEachRelease('programs beneath /root and /home run, and cannot write there', async (world) => {
  await world.up()
  for (const home of ['/root/app', '/home/tester/app']) {
    await world.sh(
      `mkdir -p ${home} && cp ${NODE_REPOSITORY}/examples/quickstart/* ${home}/ 2>/dev/null; chmod 700 ${home}/..`,
    )
    const name = home.split('/')[1] ?? ''
    const source = { command: ['node', 'server.js'], workingDir: home }
    await world.apply(
      service(`in-${name}`, {
        source,
        ports: [{ name: 'http' }],
        readiness: { http: { port: 'http', path: '/healthz' } },
      }),
    )
    await ready(world, `in-${name}`)
    assert.match(await ask(world, `in-${name}`), /^hello from process/)
    assert.ok((await exposure(world, `in-${name}`)) <= 1.2)
    const write = await world.tryNsctl([
      'exec',
      `in-${name}-0`,
      '--',
      'sh',
      '-c',
      `touch ./x || touch ${home}/x`,
    ])
    assert.is.not(write.code, 0)
  }
})

test.run()
