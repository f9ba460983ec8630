import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { groupFile, moveReadier } from '../../../src/runtimes/systemd/moves.ts'

const folder = mkdtempSync(join(tmpdir(), 'nsctl-moves-'))
test.after(() => rmSync(folder, { recursive: true }))

for (const { name, groups, want } of [
  {
    name: 'of version 2',
    groups: '0::/system.slice/nsctl.service\n',
    want: '/sys/fs/cgroup/system.slice/nsctl.service/cgroup.procs',
  },
  {
    name: 'of version 1, where systemd has a hierarchy of its own',
    groups: '2:memory:/x\n1:name=systemd:/system.slice/nsctl.service\n0::/system.slice/nsctl.service\n',
    want: '/sys/fs/cgroup/systemd/system.slice/nsctl.service/cgroup.procs',
  },
  { name: 'at the root', groups: '0::/\n', want: '/sys/fs/cgroup/cgroup.procs' },
  { name: 'outside of what is seen', groups: '1:name=systemd:/..\n0::/..\n', want: undefined },
  { name: 'nowhere', groups: '4:memory:/x\n', want: undefined },
])
  test(`the own group ${name}`, () => {
    assert.is(groupFile(groups), want)
  })

/** Waits until `holds`, for two seconds at most. */
async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds() && tries < 200; tries++)
    await new Promise((resolve) => setTimeout(resolve, 10))
}

test('it writes itself into its group whenever it is asked to', async () => {
  const file = join(folder, 'cgroup.procs')
  const ready = moveReadier(file)
  for (let time = 0; time < 2; time++) {
    writeFileSync(file, '7')
    await until(() => {
      ready()
      return readFileSync(file, 'utf8') === '0'
    })
    assert.is(readFileSync(file, 'utf8'), '0')
  }
})

test('where it may not, it does not try again', async () => {
  const file = join(folder, 'missing')
  const ready = moveReadier(file)
  ready()
  await new Promise((resolve) => setTimeout(resolve, 50))
  writeFileSync(file, '7')
  ready()
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.is(readFileSync(file, 'utf8'), '7')
})

test.run()
