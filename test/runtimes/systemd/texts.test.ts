/** What is read from other programs: journalctl, systemctl, the kernel's log. And how stops are planned. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseEntry } from '../../../src/runtimes/systemd/journal.ts'
import { parseOomKill } from '../../../src/runtimes/systemd/oom.ts'
import { planStop } from '../../../src/runtimes/systemd/stopping.ts'
import { parseUnits } from '../../../src/runtimes/systemd/systemctl-manager.ts'

test('journal entries: text, bytes, repeated fields, and what is none', () => {
  const line = JSON.stringify({ MESSAGE: [104, 105, 255], A: 'x', B: ['y', 'z'], C: null })
  assert.equal(parseEntry(line), { MESSAGE: 'hi\ufffd', A: 'x', B: 'z' })
  assert.is(parseEntry('-- No entries --'), undefined)
  assert.is(parseEntry('17'), undefined)
})

test('kills for want of memory name their unit', () => {
  const unit = 'nsctl-default_web_h3kq9x2mzc@0.service'
  const record = `6,908,3851911208,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),oom_memcg=/nsctl.slice/${unit},task_memcg=/nsctl.slice/${unit},task=node,pid=22394,uid=63832\n`
  assert.equal(parseOomKill(record), { unit, atMs: 3_851_911.208 })
  assert.is(parseOomKill('3,909,3851911244,-;Memory cgroup out of memory: Killed process 1\n'), undefined)
})

test('units as systemctl shows them', () => {
  const text = [
    'Id=nsctl-default_web_h3kq9x2mzc@0.service\nActiveState=active\nSubState=running\nMainPID=12\nNRestarts=1\nJob=\nExecMainStartTimestamp=Fri 2026-11-20 13:29:51.123456 UTC\nExecMainExitTimestamp=n/a\nResult=success',
    'Id=ssh.service\nActiveState=active',
    '',
  ].join('\n\n')
  assert.equal(
    [...parseUnits(text)],
    [
      [
        'nsctl-default_web_h3kq9x2mzc@0.service',
        {
          activeState: 'active',
          subState: 'running',
          mainPid: 12,
          restarts: 1,
          job: 0,
          execStartUs: Date.parse('2026-11-20T13:29:51Z') * 1000 + 123_456,
          execExitUs: 0,
          result: 'success',
        },
      ],
    ],
  )
})

const unit = { signal: 'SIGTERM', graceMs: 5_000 }
for (const c of [
  { name: 'as the unit says', wanted: unit, state: 'running', want: {} },
  { name: 'sooner', wanted: { ...unit, graceMs: 100 }, state: 'running', want: { killAfterMs: 100 } },
  { name: 'at once', wanted: { ...unit, graceMs: 0 }, state: 'running', want: { killAfterMs: 1 } },
  {
    name: 'later',
    wanted: { ...unit, graceMs: 9_000 },
    state: 'running',
    want: { dropIn: { ...unit, graceMs: 9_000 } },
  },
  {
    name: 'by another signal',
    wanted: { ...unit, signal: 'SIGINT' },
    state: 'starting',
    want: { dropIn: { ...unit, signal: 'SIGINT' } },
  },
  {
    name: 'while it is stopping',
    wanted: { ...unit, signal: 'SIGINT' },
    state: 'stopping',
    want: { killAfterMs: 5_000 },
  },
  { name: 'when it has ended', wanted: { ...unit, graceMs: 9_000 }, state: 'exited', want: {} },
] as const)
  test(`a stop ${c.name}`, () => {
    assert.equal(planStop(unit, c.wanted, c.state), c.want)
  })

test('a stop of what has no text of ours is written down', () => {
  assert.equal(planStop(undefined, unit, 'running'), { dropIn: unit })
})

test.run()
