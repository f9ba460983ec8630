/** The same life on machines with a real systemd: units, the journal, D-Bus and all files of the machine are searched as well. */
import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { onEachRelease, type World } from '../../systemd/world.ts'
import { live, ProcessWatch, Said, VALUES } from './scene.ts'
import { findInFolder, findInText, formsOf } from './search.ts'

/** In memory, and for root or the unit's own user: where values are meant to be. The checkout holds this test. */
const MEANT = ['run/credentials', 'run/nsctl/materials', 'opt/nsctl', 'proc', 'sys', 'dev']

onEachRelease('no planted value lies open: units', async (world) => {
  await world.up('--log-level', 'debug')
  const said = new Said()
  const watch = new ProcessWatch((line) => line.includes('dist/nsctl.cjs'))
  try {
    const stage = {
      nsctl: (words: readonly string[], { stdin, editor }: { stdin?: string; editor?: string } = {}) =>
        world.node.exec(
          ['env', 'NO_COLOR=1', `EDITOR=${editor ?? 'false'}`, '/opt/nsctl/bin/nsctl', ...words],
          stdin === undefined ? {} : { input: stdin },
        ),
      written: (service: string) => written(world, service),
    }
    await live(stage, said, async () => {
      // the programs as well: systemd brings them back with what they had
      await world.sh('kill -ABRT $(cat /run/up.pid)')
      for (const unit of (await world.units()).keys())
        await world.sh(`kill -ABRT $(systemctl show -p MainPID --value ${unit})`)
      await world.until('the daemon is gone', async () =>
        world.sh('test -e /proc/$(cat /run/up.pid) || echo gone').then((text) => text === 'gone'),
      )
      await world.sh('cat /run/up.log >>/run/up.logs; rm /run/up.log')
      await world.up('--log-level', 'debug')
    })
    for (const unit of (await world.units()).keys())
      said.add(
        unit,
        await world.sh(`systemctl cat ${unit}; systemctl show ${unit}; systemctl status ${unit}`),
      )
    said.add('journal', await world.sh('journalctl --no-pager -o export | tail -c 20000000'))
    await watch.stop()
    check(world, said, watch)
  } finally {
    await watch.stop()
  }
})

async function written(world: World, service: string): Promise<readonly string[]> {
  const text = await world.sh(`cat /var/lib/nsctl/storage/default/${service}/out/0/said 2>/dev/null || true`)
  return text.split('\n')
}

function check(world: World, said: Said, watch: ProcessWatch): void {
  const root = `/proc/${world.node.pid}/root`
  const meant = new Set(MEANT.map((path) => join(root, path)))
  const isMeant = (path: string) => meant.has(path)
  const folders = readdirSync(root).map((name) => join(root, name))
  const hits: string[] = []
  let files = 0
  for (const value of Object.values(VALUES)) {
    const forms = formsOf(value)
    for (const { what, text } of said.texts) hits.push(...findInText(what, text, forms))
    for (const [what, text] of watch.seen) hits.push(...findInText(what, Buffer.from(text, 'latin1'), forms))
  }
  const all = Object.values(VALUES).flatMap(formsOf)
  for (const folder of folders.filter((path) => !isMeant(path) && lstatSync(path).isDirectory())) {
    const found = findInFolder(folder, all, isMeant)
    files += found.files
    hits.push(...found.hits)
  }
  console.log(
    `${files} files, ${said.texts.length} outputs, ${watch.seen.size} arguments and environments of processes: ${hits.length} hits`,
  )
  assert.ok(files > 100 && said.texts.length > 50 && watch.seen.size > 20)
  assert.equal(hits, [])
}

test.run()
