/** Controllers in processes of their own: one leads, and whatever becomes of it another does. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, type Home } from '../commands/nsctl.ts'
import { Running, until } from './processes.ts'

interface Context {
  home: Home
  processes: Running[]
}

const test = suite<Context>('controller')
test.before.each((context) => {
  context.home = createHome()
  context.processes = []
})
test.after.each(async ({ home, processes }) => {
  for (const one of processes) {
    one.child.kill('SIGCONT')
    await one.stop('SIGKILL')
  }
  await home.run(['down', '--purge'])
  home.remove()
})

function start({ home, processes }: Context, ...words: readonly string[]): Running {
  const started = new Running(home, words)
  processes.push(started)
  return started
}

/** Three of them, of which the first leads. */
async function three(context: Context): Promise<readonly [Running, Running, Running]> {
  const leader = await start(context, 'controller').says(/leading, term 1/)
  const second = await start(context, 'controller').says(/standing by for pid \d+/)
  const third = await start(context, 'controller').says(/standing by for pid \d+/)
  assert.match(second.output, `standing by for pid ${leader.child.pid}`)
  return [leader, second, third]
}

const led = (processes: readonly Running[], term: number) =>
  processes.filter((one) => one.output.includes(`leading, term ${term}`))

test('one leads, and where it is killed one other does, within 5 s', async (context) => {
  const [leader, ...others] = await three(context)
  await leader.stop('SIGKILL')
  await until(() => assert.is(led(others, 2).length, 1), 5_000)
  assert.is(led(others, 3).length, 0)
})

test('one that stops in order hands on at once', async (context) => {
  const [leader, ...others] = await three(context)
  assert.is(await leader.stop('SIGTERM'), 0)
  assert.match(leader.output, 'stopped; another controller leads')
  await until(() => assert.is(led(others, 2).length, 1), 5_000)
})

test('one that stood still is followed after its lease, and is refused when it goes on', async (context) => {
  const [leader, ...others] = await three(context)
  leader.child.kill('SIGSTOP')
  await until(() => assert.is(led(others, 2).length, 1), 10_000)
  leader.child.kill('SIGCONT')
  await leader.says(/no longer leading/)
  assert.is(led([leader, ...others], 2).length, 1)
})

test('up beside a controller is the agent alone, and leads when the controller is gone', async (context) => {
  const { home } = context
  const controller = await start(context, 'controller').says(/leading, term 1/)
  const up = await start(context, 'up', '--runtime', 'process').says(/is ready after/)
  home.write(
    'web.yaml',
    `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: web}
spec: {template: {source: {command: [sleep, '1000']}}}
`,
  )
  const applied = await home.run(['apply', '-f', 'web.yaml'])
  assert.is(applied.code, 0, applied.stderr)
  const waited = await home.run(['wait', '--for=condition=Ready', 'service/web', '--timeout', '20s'])
  assert.is(waited.code, 0, waited.stderr)
  assert.not.match(up.output, 'leading (leader)')
  await controller.stop('SIGKILL')
  await up.says(/leading \(leader\)/)
  assert.is((await home.run(['scale', 'service/web', '--replicas', '2'])).code, 0)
  const scaled = await home.run(['rollout', 'status', 'service/web', '--timeout', '20s'])
  assert.is(scaled.code, 0, scaled.stderr)
})

test.run()
