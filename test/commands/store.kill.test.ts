/** kill -9 of an import at any moment: what is left says so, is not acted upon, and the same import makes it whole. */
import { spawn } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, root, service } from './nsctl.ts'

const KILLS = 24
const SERVICES = 2_000
/** An import of so many takes some hundred milliseconds. */
const STEP_MS = 8

const home = createHome()
const run = (line: string) => home.run(line.split(' '))
const valuesOf = (text: string) =>
  text
    .replace(/"revision":\d+/g, '')
    .split('\n')
    .filter((line) => line.startsWith('{"key"'))
    .join('\n')

/** Runs the import and kills it `afterMs` after its store is there. */
async function importAndKill(afterMs: number): Promise<void> {
  const child = spawn(
    join(root, 'bin/nsctl'),
    ['--store', 'sqlite:new.db', 'store', 'import', 'all.export'],
    {
      cwd: home.folder,
      env: { PATH: process.env.PATH, HOME: home.folder, NSCTL_HOME: home.state },
      stdio: 'ignore',
    },
  )
  const ended = new Promise((settle) => child.on('close', settle))
  const look = setInterval(() => {
    if (!existsSync(join(home.folder, 'new.db'))) return
    clearInterval(look)
    setTimeout(() => child.kill('SIGKILL'), afterMs)
  }, 1)
  await ended
  clearInterval(look)
}

function removeNew(): void {
  for (const suffix of ['', '-wal', '-shm', '-boot', '-reserve', '-wake'])
    rmSync(join(home.folder, `new.db${suffix}`), { force: true, recursive: true })
}

test.after(() => home.remove())

test(`${KILLS} kills leave nothing, a half that says so, or the whole`, async () => {
  const manifests = Array.from({ length: SERVICES }, (_, n) => service(`web-${n}`)).join('---\n')
  home.write('all.yaml', manifests)
  assert.is((await run('apply -f all.yaml')).code, 0)
  assert.is((await run('store export all.export')).code, 0)
  const wanted = valuesOf((await run('store export -')).stdout)
  const outcomes = { nothing: 0, half: 0, whole: 0 }
  for (let kill = 0; kill < KILLS; kill++) {
    removeNew()
    await importAndKill(kill * STEP_MS)
    if (existsSync(join(home.folder, 'new.db'))) {
      const { code, stdout } = await run('--store sqlite:new.db store check -o json')
      const { findings, keys } = JSON.parse(stdout)
      const isHalf = findings.some(({ key }: { key: string }) => key === 'import/unfinished')
      outcomes[isHalf ? 'half' : keys < 100 ? 'nothing' : 'whole']++
      assert.is(code, isHalf ? 1 : 0, stdout.slice(0, 500))
      if (isHalf) {
        const started = await run('up --runtime process --store sqlite:new.db')
        assert.is(started.code, 4, started.stderr)
        assert.match(started.stderr, /is half filled|already runs/)
        const written = await run('--store sqlite:new.db create namespace meanwhile')
        assert.is(written.code, 4, written.stderr)
        assert.match(written.stderr, /is half filled: the import of all\.export/)
      } else assert.ok(keys < 100 || keys > SERVICES * 2, `${keys} keys and no word of it`)
    } else outcomes.nothing++
    const again = await run('--store sqlite:new.db store import all.export')
    assert.is(again.code, 0, again.stderr)
    assert.is(valuesOf((await run('--store sqlite:new.db store export -')).stdout), wanted)
    assert.is((await run('--store sqlite:new.db store check')).code, 0)
  }
  console.log(`nothing ${outcomes.nothing}, half ${outcomes.half}, whole ${outcomes.whole}`)
  assert.ok(outcomes.half > 0, 'no kill hit the middle: the test shows nothing')
})

test.run()
