/** The real daemon under quotas and with priorities: real processes wait for room, and end for what is more important. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, type Home } from '../commands/nsctl.ts'
import { Running, until } from './processes.ts'

interface Context {
  home: Home
  daemon: Running
}

const test = suite<Context>('quota')
test.before.each(async (context) => {
  context.home = createHome()
  context.daemon = await new Running(context.home, ['up', '--runtime', 'process']).says(/is ready after/)
})
test.after.each(async ({ home, daemon }) => {
  await daemon.stop('SIGKILL')
  await home.run(['down', '--purge'])
  home.remove()
})

async function nsctl({ home }: Context, words: string, code = 0): Promise<string> {
  const finished = await home.run(words.split(' '))
  assert.is(finished.code, code, `nsctl ${words}\n${finished.stdout}${finished.stderr}`)
  return finished.stdout + finished.stderr
}

async function apply(context: Context, documents: string, code = 0): Promise<string> {
  context.home.write('all.yaml', documents)
  return await nsctl(context, 'apply -f all.yaml', code)
}

const summary = (context: Context, service: string) =>
  nsctl(context, `get service ${service} -o jsonpath={.status.summary}`)

const document = (kind: string, name: string, spec: string) =>
  `apiVersion: nsctl.dev/v1alpha1\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: ${spec}\n---\n`
const quota = (hard: string) => document('ResourceQuota', 'team', `{hard: {${hard}}}`)
const sleeper = (name: string, more: string) =>
  document('Service', name, `{template: {source: {command: [sleep, '1000']}}, ${more}}`)

test('instances beyond a quota wait until it is raised; a Service too many is refused with exit code 4', async (context) => {
  await apply(context, quota('instances: 2, count/services: 1') + sleeper('web', 'replicas: 3'))
  await nsctl(context, 'wait --for=jsonpath={.status.readyReplicas}=2 service/web --timeout=20s')
  const beyond = 'QuotaExceeded: resourcequota/team: instances 2 of 2 used, 1 more asked for'
  await until(async () => assert.is(await summary(context, 'web'), beyond))
  const refused = await apply(context, sleeper('more', 'replicas: 1'), 4)
  assert.match(
    refused,
    'service/more would be one too many: resourcequota/team allows count/services 1 in namespace default, and 1 are used',
  )
  assert.match(refused, 'nsctl describe resourcequota team -n default')
  await until(async () =>
    assert.match(await nsctl(context, 'get quota'), /^team +instances 2\/2, count\/services 1\/1 /m),
  )
  await apply(context, quota('instances: 3, count/services: 1'))
  await nsctl(context, 'wait --for=condition=Ready service/web --timeout=20s')
})

test('what is more important ends what is less, which has its grace and comes back', async (context) => {
  const { home } = context
  const cpu = await until(async () => {
    const said = await nsctl(context, 'get nodes -o jsonpath={.items[0].status.capacity.cpu}')
    assert.not.equal(said, '')
    return said
  })
  const classes = document('PriorityClass', 'serving', '{value: 1000}')
  const script = 'trap "echo ended >>log; exit 0" TERM; echo began >>log; while :; do sleep 0.1; done'
  const batch = document(
    'Service',
    'batch',
    `{template: {source: {command: [sh, -c, '${script}']}, resources: {cpu: '${cpu}'}}}`,
  )
  const log = () => readFileSync(join(home.folder, 'log'), 'utf8').trim().split('\n')
  await apply(context, classes + batch)
  await nsctl(context, 'wait --for=condition=Ready service/batch --timeout=20s')
  const web = document(
    'Service',
    'web',
    "{template: {source: {command: [sleep, '1000']}, resources: {cpu: 100m}}, placement: {priorityClassName: serving}}",
  )
  await apply(context, web)
  await nsctl(context, 'wait --for=condition=Ready service/web --timeout=20s')
  await until(() => assert.equal(log(), ['began', 'ended']))
  await until(async () => assert.is(await summary(context, 'batch'), 'Unschedulable: 0/1 nodes: 1 lacks cpu'))
  assert.match(
    await nsctl(context, 'describe service batch'),
    /Preempted.*batch-0-\w+ on node\/\S+ made room for service\/web, which is more important/,
  )
  assert.match(
    await nsctl(context, 'events'),
    /Preempting .*ends batch-0-\w+ on node\/\S+, less important, to make room for web-0-/,
  )
  await nsctl(context, 'delete service web --wait')
  await nsctl(context, 'wait --for=condition=Ready service/batch --timeout=20s')
  assert.equal(log(), ['began', 'ended', 'began'])
})

test.run()
