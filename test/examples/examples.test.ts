/** Every example does what it says, with the real daemon and the process runtime. */
import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, globSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, root } from '../commands/nsctl.ts'

const home = createHome()
const env = { PATH: process.env.PATH, HOME: home.folder, LANG: 'C.UTF-8', NSCTL_HOME: home.state }
let daemon: ChildProcess | undefined

async function nsctl(words: string, code = 0): Promise<string> {
  const finished = await home.run(words.split(' '))
  assert.is(finished.code, code, `nsctl ${words}\n${finished.stdout}${finished.stderr}`)
  return finished.stdout
}

async function urlOf(service: string): Promise<string> {
  return await nsctl(`get service ${service} -o jsonpath={.status.url}`)
}

test.before(async () => {
  cpSync(join(root, 'examples'), join(home.folder, 'examples'), { recursive: true })
  const child = spawn(join(root, 'bin/nsctl'), ['up', '--runtime', 'process', '--own'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  daemon = child
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (data) => String(data).includes('is ready') && resolve())
    child.once('exit', (code) => reject(new Error(`up ended with ${code}`)))
  })
})

test.after(async () => {
  const gone = new Promise((resolve) => daemon?.once('exit', resolve))
  daemon?.kill('SIGTERM')
  await gone
  await home.run(['down', '--purge'])
  home.remove()
})

test('every manifest is valid', async () => {
  for (const folder of readdirSync(join(home.folder, 'examples')))
    await nsctl(`validate -f examples/${folder}`)
  assert.ok(globSync(join(home.folder, 'examples/**/*.yaml')).length >= 5)
})

test('quickstart: two copies answer over HTTP, and the change is one', async () => {
  await nsctl('apply -f examples/quickstart')
  await nsctl('wait --for=condition=Ready service/web --timeout=30s')
  assert.match(await (await fetch((await urlOf('web')).split(' ')[0] ?? '')).text(), /^hello from process/)
  assert.match(await nsctl('diff -f examples/quickstart/changed/web.yaml', 1), /\+ {4}value: good morning/)
})

test('guestbook: what was written survives a rolling restart', async () => {
  await nsctl('apply -f examples/guestbook')
  await nsctl('wait --for=condition=Ready service/guestbook --timeout=30s')
  await fetch(await urlOf('guestbook'), { method: 'POST', body: 'ada was here' })
  await nsctl('rollout restart service guestbook')
  await nsctl('rollout status service guestbook --timeout=30s')
  assert.is(await (await fetch(await urlOf('guestbook'))).text(), 'ada was here\n')
})

test('group: one program serves what the other writes', async () => {
  await nsctl('apply -f examples/group')
  await nsctl('wait --for=condition=Ready service/clock --timeout=30s')
  assert.match(await (await fetch(await urlOf('clock'))).text(), /\d\d:\d\d:\d\d/)
})

test('placement: one on each node, and one that waits for a label', async () => {
  await nsctl('apply -f examples/placement')
  await nsctl('wait --for=condition=Ready service/front service/watchman --timeout=30s')
  assert.is(await nsctl('get service watchman -o jsonpath={.status.ready}'), '1/1')
  const node = (await nsctl('get nodes -o name')).trim()
  assert.match(
    await nsctl('get service trainer -o jsonpath={.status.summary}'),
    'Unschedulable: 0/1 nodes: 1 without the labels of nodeSelector',
  )
  assert.match(
    await nsctl('describe service trainer'),
    /^Refused by +\S+ +without the labels of nodeSelector$/m,
  )
  await nsctl(`label ${node} gpu=yes`)
  await nsctl('wait --for=condition=Ready service/trainer --timeout=30s')
})

test('quota: what is beyond it waits, what does not say has a default, and one Service more is refused', async () => {
  await nsctl('apply -f examples/quota')
  await nsctl('wait --for=condition=Ready service/front -n team --timeout=30s')
  await nsctl('wait --for=jsonpath={.status.readyReplicas}=2 service/crunch -n team --timeout=30s')
  assert.is(
    await nsctl('get service crunch -n team -o jsonpath={.status.summary}'),
    'QuotaExceeded: resourcequota/team: instances 3 of 3 used, 1 more asked for',
  )
  await nsctl('wait --for=jsonpath={.status.used.instances}=3 resourcequota/team -n team --timeout=30s')
  assert.match(
    await nsctl('get resourcequota -n team'),
    /^team +requests\.memory 192Mi\/256Mi, instances 3\/3, count\/services 2\/2 /m,
  )
  await nsctl('create -n team -f examples/quickstart', 4)
  await nsctl('scale service/crunch --replicas 2 -n team')
  await nsctl('wait --for=condition=Ready service/crunch -n team --timeout=30s')
})

test('containers: a machine without them is refused, and that is said', async () => {
  await nsctl('apply -f examples/containers')
  await nsctl(
    'wait --for=jsonpath={.status.conditions[?(@.type=="Progressing")].reason}=Unschedulable service/jailed --timeout=30s',
  )
  assert.match(
    await nsctl('get service jailed -o jsonpath={.status.summary}'),
    'Unschedulable: 0/1 nodes: 1 lacks runtime nspawn',
  )
})

test('expose: without a load balancer that is said, and everything runs', async () => {
  await nsctl('apply -f examples/expose')
  await nsctl('wait --for=condition=Ready service/site service/api --timeout=30s')
  assert.match(
    await nsctl('get service site -o jsonpath={.status.conditions[?(@.type=="Exposed")].message}'),
    'no node has a load balancer: start one with nsctl up --caddy-admin URL',
  )
  assert.is(await (await fetch(await urlOf('api'))).text(), 'api /\n')
})

test('rollouts: one waits for another, a change goes out step by step, and a step waits for a person', async () => {
  await nsctl('apply -f examples/rollouts')
  await nsctl('wait --for=condition=Ready service/store service/shop --timeout=30s')
  await nsctl('rollout restart service/shop')
  await nsctl('wait --for=jsonpath={.status.rollout.step}=1 service/shop --timeout=30s')
  await nsctl('wait --for=jsonpath={.status.traffic[1].weight}=25 service/shop --timeout=30s')
  await nsctl('rollout promote service/shop')
  await nsctl('wait --for=jsonpath={.status.rollout.step}=3 service/shop --timeout=30s')
  await nsctl('rollout abort service/shop')
  await nsctl('wait --for=condition=Degraded service/shop --timeout=30s')
  await nsctl('rollout restart service/store')
  assert.match(await nsctl('rollout status service/store --timeout=40s'), /successfully rolled out\n$/)
})

test('simulate: a policy beside HPA, on two days of a shop', async () => {
  const page = await nsctl(
    'simulate -f examples/simulate/web.yaml --trace examples/simulate/demand.csv --capacity 50 --compare hpa,static',
  )
  assert.match(page, /^web +\d\.\d+ % +1\d\d\.\d % +\d\.\d+ +12 /m)
  assert.match(page, /^hpa .*\nstatic .*\noracle +0 % +100 % /m)
})

test('custom-kind: listed with its own columns, its default filled in', async () => {
  await nsctl('apply -f examples/custom-kind')
  assert.match(await nsctl('get bp'), /NAME +SCHEDULE +KEEP +AGE\nnightly +daily at 03:00 +7 /)
})

test('versions: written in one version, read in the other', async () => {
  await nsctl('apply -f examples/versions')
  assert.match(
    await nsctl('get crawlers'),
    /NAME +REPLICAS +HOSTS +AGE\nnew +2 +example.org .*\nold +2 +example.org /,
  )
  assert.match(
    await nsctl('get crawlers.v1alpha1.example.org'),
    /NAME +SIZE +HOST\nnew +2 +example.org\nold +2 +example.org/,
  )
  assert.match(await nsctl('apply -f examples/versions'), /3 unchanged/)
})

/** Answers once `isRight` says so of one: a change arrives when it arrives. */
async function answered(ask: () => Promise<Response>, isRight: (text: string) => boolean): Promise<string> {
  const until = Date.now() + 30_000
  for (;;) {
    const text = await ask()
      .then((response) => response.text())
      .catch((error) => String(error))
    if (isRight(text)) return text
    if (Date.now() > until) throw new Error(`still answers ${JSON.stringify(text)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

test('config: a variable and a file; a new file is there without a restart, a new variable with one', async () => {
  await nsctl('apply -f examples/config')
  await nsctl('wait --for=condition=Ready service/notice --timeout=30s')
  const ask = async () => fetch(await urlOf('notice'))
  assert.is(await (await ask()).text(), 'Opening hours\nOpen from nine to five.\n')
  const instance = () =>
    nsctl('get instances -o jsonpath={.items[?(@.spec.service=="notice")].metadata.name}')
  const before = await instance()
  await nsctl('patch config pages -p {"spec":{"files":{"today.txt":"Closed.\\n"}}}')
  await answered(ask, (text) => text === 'Opening hours\nClosed.\n')
  assert.is(await instance(), before)
  await nsctl('patch config notice -p {"spec":{"data":{"TITLE":"Times"}}}')
  await answered(ask, (text) => text === 'Times\nClosed.\n')
  assert.is.not(await instance(), before)
})

test('secrets: what a manifest holds open is stored sealed, and opens the door', async () => {
  await nsctl('apply -f examples/secrets')
  await nsctl('wait --for=condition=Ready service/door --timeout=30s')
  const url = await urlOf('door')
  const knock = (password: string) =>
    fetch(url, { headers: { authorization: `Basic ${Buffer.from(`x:${password}`).toString('base64')}` } })
  assert.is((await knock('guess')).status, 401)
  assert.is(await (await knock('open sesame')).text(), 'come in\n')
  const stored = await nsctl('get secret door -o yaml')
  assert.match(stored, 'BEGIN AGE ENCRYPTED FILE')
  for (const text of [stored, await nsctl('describe secret door'), await nsctl('history secret door')])
    assert.not.match(text, 'sesame')
  assert.match(await nsctl('apply -f examples/secrets'), /2 unchanged/)
})

test.run()
