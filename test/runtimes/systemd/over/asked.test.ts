/** What another machine says, read: its system, and what its programs use. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../../src/core/errors.ts'
import { judgeSystem } from '../../../../src/runtimes/systemd/over/system.ts'
import { filesOf } from '../../../../src/runtimes/systemd/over/usage.ts'
import { findCgroups, readUsage } from '../../../../src/runtimes/systemd/usage.ts'

const GOOD = 'uid 0\nsystemd 257\nsystemctl /usr/bin/systemctl\ncores 4\nrun 1021994\n'

test('a machine that will do says how many cores it has, and that /run is in memory', () => {
  assert.equal(judgeSystem(GOOD, 'n1'), { cores: 4, systemctl: '/usr/bin/systemctl', inMemory: true })
  assert.is(judgeSystem(GOOD.replace('1021994', 'ef53'), 'n1').inMemory, false)
})

for (const c of [
  {
    name: 'where we are not root',
    said: GOOD.replace('uid 0', 'uid 1000'),
    code: 'Denied',
    words: /not as root/,
  },
  {
    name: 'without systemd',
    said: GOOD.replace('systemd 257\n', ''),
    code: 'Unsupported',
    words: /no systemd 250/,
  },
  { name: 'with an old one', said: GOOD.replace('257', '249'), code: 'Unsupported', words: /no systemd 250/ },
  { name: 'without tar', said: `${GOOD}missing tar\n`, code: 'Unsupported', words: /n1 has no tar/ },
] as const)
  test(`a machine ${c.name} is refused`, () => {
    try {
      judgeSystem(c.said, 'n1')
    } catch (error) {
      assert.ok(isNsctlError(error, c.code))
      return assert.match(error.message, c.words)
    }
    assert.unreachable('it was taken')
  })

const SLICE = '/sys/fs/cgroup/nsctl.slice'
const UNIT = 'nsctl-default_web_aaaaaaaaaa@1.service'
const GROUP = `nsctl-default_both_aaaaaaaaaa_1.slice/nsctl-default_both_aaaaaaaaaa_worker@1.service`

test('usage is read of what was printed, of groups too, with control groups of version 2', async () => {
  const files = filesOf(
    [
      '/sys/fs/cgroup/cgroup.controllers:',
      `${SLICE}/${UNIT}/cpu.stat:usage_usec 7000`,
      `${SLICE}/${UNIT}/cpu.stat:user_usec 5000`,
      `${SLICE}/${UNIT}/memory.current:4096`,
      `${SLICE}/${UNIT}/io.stat:8:0 rbytes=10 wbytes=20 rios=1`,
      `${SLICE}/${GROUP}/cpu.stat:usage_usec 1000`,
      `${SLICE}/${GROUP}/memory.current:1`,
      `${SLICE}/cpu.stat:usage_usec 9000`,
      '',
    ].join('\n'),
  )
  const tree = await findCgroups('/', files)
  const usage = await readUsage(tree, { io: true }, files)
  assert.equal(
    usage.map(({ key, cpuMs, memoryBytes, io }) => [key, cpuMs, memoryBytes, io?.writtenBytes]),
    [
      ['default/web/aaaaaaaaaa/1/', 7, 4096, 20],
      ['default/both/aaaaaaaaaa/1/worker', 1, 1, undefined],
    ],
  )
})

test('…and of its processes with version 1', async () => {
  const folder = `/sys/fs/cgroup/systemd/machine/nsctl.slice/${UNIT}`
  const stat = `12 (a ) b) S 1 1 1 0 -1 0 0 0 0 0 3 4 0 0 20 0 1 0 5 0 0`
  const files = filesOf(
    [`${folder}/cgroup.procs:12`, `/proc/12/stat:${stat}`, '/proc/12/status:VmRSS:\t  10 kB', ''].join('\n'),
  )
  const usage = await readUsage(await findCgroups('/machine', files), {}, files)
  assert.equal(usage, [{ key: 'default/web/aaaaaaaaaa/1/', cpuMs: 70, memoryBytes: 10_240 }])
})

test.run()
