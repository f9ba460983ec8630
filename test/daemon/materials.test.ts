/** Secrets and Configs from the command line to the program, with the real daemon and the process runtime. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, type Home } from '../commands/nsctl.ts'
import { Running, until } from './processes.ts'

interface Context {
  home: Home
  daemons: Running[]
}

const test = suite<Context>('materials')
test.before.each((context) => {
  context.home = createHome()
  context.daemons = []
})
test.after.each(async ({ home, daemons }) => {
  for (const daemon of daemons) if (daemon.child.exitCode === null) await daemon.stop('SIGKILL')
  await home.run(['down', '--purge'])
  home.remove()
})

async function start({ home, daemons }: Context): Promise<Running> {
  const daemon = new Running(home, ['up', '--runtime', 'process'])
  daemons.push(daemon)
  return await daemon.says(/is ready after/)
}

async function nsctl({ home }: Context, line: string): Promise<string> {
  const { code, stdout, stderr } = await home.run(line.split(' '))
  assert.is(code, 0, stderr)
  return stdout
}

async function apply(context: Context, file: string, text: string): Promise<string> {
  context.home.write(file, `apiVersion: nsctl.dev/v1alpha1\n${text}`)
  return await nsctl(context, `apply -f ${file}`)
}

const linesOf = (home: Home, name: string) => {
  const path = join(home.folder, name)
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []
}
const secret = (password: string) =>
  `kind: Secret\nmetadata: {name: db}\nstringData: {password: ${password}}\n`
const config = (level: string) =>
  `kind: Config\nmetadata: {name: settings}\nspec: {data: {level: ${level}}}\n`

const APP = `kind: Service
metadata: {name: app}
spec:
  template:
    source: {command: [sh, -c, 'echo "$PASSWORD $(cat $CREDENTIALS_DIRECTORY/db.password)" >>seen; exec sleep 1000']}
    env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}]
    secrets: [{name: db}]
`
const READER = `kind: Service
metadata: {name: reader}
spec:
  replicas: 2
  template:
    source:
      command: [sh, -c, 'trap "echo \\$(cat $CONFIG_SETTINGS/level) >>read" HUP; echo started >>read; while :; do sleep 0.05; done']
    configs: [{name: settings, onChange: reload}]
`

test('a Secret reaches its service, a new value replaces it, and the same value does not', async (context) => {
  const { home } = context
  await start(context)
  await apply(context, 'app.yaml', APP)
  await until(async () => assert.match(await nsctl(context, 'get service app'), 'waits for secret/db'))
  await apply(context, 'secret.yaml', secret('planted-one'))
  await nsctl(context, 'wait --for=condition=Ready service/app --timeout 20s')
  assert.equal(linesOf(home, 'seen'), ['planted-one planted-one'])
  await apply(context, 'secret.yaml', secret('planted-two'))
  await until(() => assert.equal(linesOf(home, 'seen').slice(1), ['planted-two planted-two']))
  await nsctl(context, 'rollout status service/app --timeout 20s')
  const before = await nsctl(context, 'get instances -o name')
  assert.match(await apply(context, 'secret.yaml', secret('planted-two')), 'unchanged')
  await nsctl(context, 'rollout status service/app --timeout 20s')
  assert.is(await nsctl(context, 'get instances -o name'), before)
  assert.is(linesOf(home, 'seen').length, 2)
  const shown = await nsctl(
    context,
    'get secrets,services,instances,deliveries,recipients,nodes,events -o yaml',
  )
  assert.not.match(shown, 'planted')
})

test('a daemon that is killed in the middle of a rotation is followed by one that finishes it', async (context) => {
  const { home } = context
  let daemon = await start(context)
  await apply(context, 'secret.yaml', secret('planted-0'))
  await apply(context, 'app.yaml', APP)
  await nsctl(context, 'rollout status service/app --timeout 20s')
  for (const [round, afterMs] of [0, 30, 60].entries()) {
    const value = `planted-${round + 1}`
    await apply(context, 'secret.yaml', secret(value))
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    await daemon.stop('SIGKILL')
    daemon = await start(context)
    await until(() => assert.is(linesOf(home, 'seen').at(-1), `${value} ${value}`))
    await nsctl(context, 'rollout status service/app --timeout 20s')
  }
  await until(async () => {
    assert.is((await nsctl(context, 'get deliveries -o name')).trim().split('\n').length, 1)
    assert.is((await nsctl(context, 'get instances -o name')).trim().split('\n').length, 1)
  })
})

test('a Config that is only read again reaches what runs without replacing it', async (context) => {
  const { home } = context
  await start(context)
  await apply(context, 'config.yaml', config('info'))
  await apply(context, 'reader.yaml', READER)
  await nsctl(context, 'rollout status service/reader --timeout 20s')
  const before = await nsctl(context, 'get instances -o name')
  await apply(context, 'config.yaml', config('debug'))
  await until(() =>
    assert.equal(
      linesOf(home, 'read').filter((line) => line !== ''),
      ['started', 'started', 'debug', 'debug'],
    ),
  )
  await nsctl(context, 'rollout status service/reader --timeout 20s')
  assert.is(await nsctl(context, 'get instances -o name'), before)
})

test.run()
