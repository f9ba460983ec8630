/**
 * kill -9 of the daemon at any moment while a Secret's values change: the next one brings the newest to the programs. What is live is
 * replaced while they run, what is not comes with new ones, and nothing that was sealed lies open afterwards.
 */
import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome } from '../../commands/nsctl.ts'
import { Running, until } from '../../daemon/processes.ts'

const ROUNDS = Number(process.env.NSCTL_KILL_ROUNDS ?? 20)
/** From the start of apply to the last program it takes about half of this. */
const WITHIN_MS = 1_000
/** Other tests hand over secrets in the same place. */
const PLANTED = `planted-${randomUUID()}`

const home = createHome()
let daemon: Running
const up = async () => {
  daemon = await new Running(home, ['up', '--runtime', 'process']).says(/Ctrl-C/)
}
const meta = (kind: string, name: string) => ({ apiVersion: 'nsctl.dev/v1alpha1', kind, metadata: { name } })

async function nsctl(args: readonly string[], stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await home.run(args, stdin === undefined ? {} : { stdin })
  assert.is(code, 0, `nsctl ${args.join(' ')}: ${stderr}${stdout}`)
  return stdout
}

const apply = (...items: readonly object[]) =>
  nsctl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))

const rotate = (round: number) =>
  apply({ ...meta('Secret', 'db'), stringData: { value: `${PLANTED}-${round}` } })

/** Writes down what its file holds whenever it starts or is told. */
function service(name: string, onChange: string): object {
  const script = `say() { cat "$CREDENTIALS_DIRECTORY/db.value" >>"$OUT"; echo >>"$OUT"; }; say; trap say HUP; while :; do sleep 0.05; done`
  const source = { command: ['/bin/sh', '-c', script], workingDir: '/' }
  const env = [{ name: 'OUT', value: join(home.folder, name) }]
  return {
    ...meta('Service', name),
    spec: { template: { source, env, secrets: [{ name: 'db', onChange }], stop: { gracePeriod: '1s' } } },
  }
}

const lastOf = (name: string) => readFileSync(join(home.folder, name), 'utf8').trim().split('\n').at(-1)

async function settled(round: number): Promise<void> {
  await until(async () => {
    assert.is(lastOf('live'), `${PLANTED}-${round}`)
    assert.is(lastOf('fixed'), `${PLANTED}-${round}`)
    const { items } = JSON.parse(await nsctl(['get', 'instances', '-o', 'json']))
    assert.is(items.length, 2)
    for (const { spec, status } of items) {
      assert.is(status.phase, 'Running')
      assert.equal(status.materials, spec.materials)
    }
  }, 30_000)
}

/** Files with a planted value, but for what the programs wrote themselves. */
function openFiles(): readonly string[] {
  const found = spawnSync('grep', ['-rlF', PLANTED, home.state, join(home.folder, '.config')], {
    encoding: 'utf8',
  })
  return found.stdout.split('\n').filter((line) => line !== '')
}

test(`after each of ${ROUNDS} kills the newest values arrive`, async () => {
  await up()
  await rotate(0)
  await apply(service('live', 'reload'), service('fixed', 'restart'))
  await settled(0)
  const { pid } = JSON.parse(await nsctl(['get', 'instance', 'live-0', '-o', 'json'])).status
  for (let round = 1; round <= ROUNDS; round++) {
    const rotated = rotate(round)
    await sleep(Math.random() * WITHIN_MS)
    await daemon.stop('SIGKILL')
    await rotated
    await up()
    await settled(round)
  }
  const live = JSON.parse(await nsctl(['get', 'instance', 'live-0', '-o', 'json'])).status
  assert.is(live.pid, pid, 'what is live was never restarted')
  const told = readFileSync(join(home.folder, 'live'), 'utf8').trim().split('\n')
  assert.ok(told.length <= 2 * ROUNDS + 1, `told ${told.length} times of ${ROUNDS} changes`)
  assert.equal(openFiles(), [])
  assert.not.match(daemon.output, PLANTED)
})

test('nothing of it is left where it was handed over', async () => {
  await nsctl(['delete', 'service', 'live', 'fixed'])
  await daemon.stop()
  await nsctl(['down', '--purge'])
  const folders = readdirSync('/dev/shm').filter((name) => name.startsWith('nsctl-'))
  for (const name of folders)
    assert.is(spawnSync('grep', ['-rlF', PLANTED, join('/dev/shm', name)], { encoding: 'utf8' }).stdout, '')
})

test.after(async () => {
  daemon?.child.kill('SIGKILL')
  await home.run(['down', '--purge'])
  home.remove()
})
test.run()
