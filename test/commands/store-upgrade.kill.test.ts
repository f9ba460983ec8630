/** kill -9 of an upgrade at any moment: the store is the former one, the upgraded one, or says that it is half; again makes it whole. */
import { spawn } from 'node:child_process'
import { copyFileSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { STORE_LAYOUT } from '../../src/api/keys.ts'
import { readExport } from '../../src/store/export-file.ts'
import { downgradeFile } from '../store/previous-format.ts'
import { createHome, root, service } from './nsctl.ts'

const KILLS = 32
const SERVICES = 3_000

const home = createHome()
test.after(() => home.remove())

const run = (line: string) => home.run(line.split(' '))
const file = (name: string) => join(home.folder, name)
const upgradeArgs = ['--store', 'sqlite:b.db', 'store', 'upgrade']

function restore(): void {
  for (const name of readdirSync(home.folder))
    if (name.includes('b.db')) rmSync(file(name), { force: true, recursive: true })
  copyFileSync(file('former.db'), file('b.db'))
}

interface Times {
  /** From its start until the backup is there. */
  readonly backupMs: number
  /** From then on. */
  readonly restMs: number
}

/** Kills it so long after its start, or after it has its backup; without a moment it is left alone. */
async function upgradeAndKill(moment?: {
  readonly since: 'start' | 'backup'
  readonly afterMs: number
}): Promise<Times> {
  const startedMs = performance.now()
  const child = spawn(join(root, 'bin/nsctl'), upgradeArgs, {
    cwd: home.folder,
    env: { PATH: process.env.PATH, HOME: home.folder, NSCTL_HOME: home.state },
    stdio: 'ignore',
  })
  const ended = new Promise((settle) => child.on('close', settle))
  const killIn = (afterMs: number) => setTimeout(() => child.kill('SIGKILL'), afterMs)
  if (moment?.since === 'start') killIn(moment.afterMs)
  let backupMs: number | undefined
  const look = setInterval(() => {
    if (!readdirSync(home.folder).some((name) => name.startsWith('b.db.format-'))) return
    clearInterval(look)
    backupMs = performance.now() - startedMs
    if (moment?.since === 'backup') killIn(moment.afterMs)
  }, 1)
  await ended
  clearInterval(look)
  const wholeMs = performance.now() - startedMs
  return { backupMs: backupMs ?? wholeMs, restMs: wholeMs - (backupMs ?? wholeMs) }
}

/** All entries but for what is of the moment: leases are not exported. */
async function valuesOf(store: string): Promise<string> {
  const { code, stdout, stderr } = await run(`--store sqlite:${store} store export -`)
  assert.is(code, 0, stderr)
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{"key"'))
    .map((line) => line.replace(/"revision":\d+,/, ''))
    .join('\n')
}

/** What a backup holds is what was there, if it is there at all. */
function assertBackups(former: string): void {
  for (const name of readdirSync(home.folder)) {
    if (!name.startsWith('b.db.format-')) continue
    const { entries, header } = readExport(readFileSync(file(name)), name, STORE_LAYOUT)
    assert.is(header.layout, 1)
    const lines = entries.map(({ key, value }) => JSON.stringify({ key, value }))
    assert.is(lines.join('\n'), former)
  }
}

async function stateOf(former: string): Promise<'former' | 'half' | 'upgraded'> {
  const { stdout } = await run('--store sqlite:b.db store stats -o json')
  const { layout } = JSON.parse(stdout)
  const { code, stdout: found } = await run('--store sqlite:b.db store check -o json')
  const isHalf = JSON.parse(found).findings.some(({ key }: { key: string }) => key === 'store/layout')
  assert.is(code, isHalf ? 1 : 0, found.slice(0, 500))
  const refused = await run('--store sqlite:b.db scale service web-7 --replicas 3')
  if (isHalf) {
    assert.is(refused.code, 4)
    assert.match(refused.stderr, /is half upgraded: its upgrade to layout 4\.0/)
    return 'half'
  }
  if (layout === '4.0') return 'upgraded'
  assert.is(refused.code, 3)
  assert.match(refused.stderr, /upgrade it: nsctl store upgrade/)
  assert.is(await valuesOf('b.db'), former)
  return 'former'
}

test(`${KILLS} kills leave the former store, a half that says so, or the upgraded one`, async () => {
  home.write('all.yaml', Array.from({ length: SERVICES }, (_, n) => service(`web-${n}`)).join('---\n'))
  for (const line of ['apply -f all.yaml', 'scale service web-3 --replicas 7'])
    assert.is((await run(`--store sqlite:former.db ${line}`)).code, 0)
  await downgradeFile(file('former.db'), '1.0')
  const former = await valuesOf('former.db')
  restore()
  const { backupMs, restMs } = await upgradeAndKill()
  const wanted = await valuesOf('b.db')
  assert.is.not(wanted, former)
  const outcomes = { former: 0, half: 0, upgraded: 0 }
  for (let kill = 0; kill < KILLS; kill++) {
    restore()
    // all over the run, and most where it writes
    await upgradeAndKill(
      kill % 4 === 0
        ? { since: 'start', afterMs: Math.random() * (backupMs + restMs) }
        : { since: 'backup', afterMs: Math.random() * restMs },
    )
    assertBackups(former)
    outcomes[await stateOf(former)]++
    // what was upgraded may have been scaled by the look at it: everything else is as it is to be
    const again = await run(upgradeArgs.join(' '))
    assert.is(again.code, 0, again.stderr)
    assertBackups(former)
    const left = await valuesOf('b.db')
    if (left !== wanted) assert.is(withoutScaling(left), withoutScaling(wanted))
    assert.is((await run('--store sqlite:b.db store check')).code, 0)
  }
  console.log(
    `an upgrade takes ${Math.round(backupMs)} ms to its backup, ${Math.round(restMs)} after it; former ${outcomes.former}, half ${outcomes.half}, upgraded ${outcomes.upgraded}`,
  )
  assert.ok(outcomes.half > 3, 'hardly a kill hit the middle: the test shows nothing')
})

/** The look at an upgraded store has scaled web-7 and left a record of that. */
function withoutScaling(values: string): string {
  return values
    .split('\n')
    .filter((line) => !line.includes('/web-7') && !line.includes('"verb\\":\\"scale'))
    .join('\n')
}

test.run()
