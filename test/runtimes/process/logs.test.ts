/** Output under load: bounded on disk, and nothing lost, doubled or torn. */
import { spawnSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { LogLimits } from '../../../src/runtimes/process/keeper.ts'
import { fileNameOf, layoutOf } from '../../../src/runtimes/process/layout.ts'
import { needs } from '../../parts.ts'
import { eventually } from '../contract/fixture.ts'
import { withRuntime } from './fixture.ts'

const LIMITS: LogLimits = { segmentBytes: 2 ** 17, segments: 3, attempts: 4 }
const hasFallocate = spawnSync('fallocate', ['--version']).error === undefined

/** Numbered lines with a tail that shows where one is torn. */
const line = (n: number) => `${n} ${'abcdefghij'.repeat(9)}!`

const writer = (lines: number, pauseEvery: number) =>
  `i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo "$i ${'abcdefghij'.repeat(9)}!"; [ $((i % ${pauseEvery})) -eq 0 ] && sleep 0.01; done; while :; do sleep 0.1; done`

/** What the output of a program takes on disk. */
function diskBytes(dir: string): number {
  return readdirSync(dir).reduce((sum, file) => {
    const found = statSync(join(dir, file), { throwIfNoEntry: false })
    return sum + (found?.blocks ?? 0) * 512
  }, 0)
}

function assertUnbroken(texts: readonly string[], last: number): void {
  const first = Number(texts[0]?.split(' ')[0])
  for (const [i, text] of texts.entries()) if (text !== line(first + i)) assert.is(text, line(first + i))
  assert.is(first + texts.length - 1, last)
}

needs(
  test,
  hasFallocate,
  'fallocate (util-linux)',
)(
  'a program that writes without end takes a bounded part of the disk, and its last lines are whole',
  withRuntime(
    async ({ fixture, stateDir }) => {
      const total = 20_000
      const spec = fixture.shell(writer(total, 200))
      const dir = join(layoutOf(stateDir).logs, fileNameOf(spec.id))
      await fixture.start(spec)
      await fixture.printed(spec.id, line(total), { tail: 1 })
      const bound = LIMITS.segmentBytes * (LIMITS.segments + 1)
      await eventually('the oldest part is given back', () => diskBytes(dir) <= bound)
      const texts = (await fixture.lines(spec.id)).map((one) => one.text)
      assertUnbroken(texts, total)
      const kept = 2 * Math.floor(LIMITS.segmentBytes / (line(total).length + 1))
      assert.ok(texts.length >= kept - 1, `${texts.length} lines of ${kept}`)
      assert.ok(texts.length < total)
      await fixture.stop(spec, 100)
    },
    { logLimits: LIMITS },
  ),
)

test(
  'whoever reads while the oldest part goes sees whole lines in order',
  withRuntime(
    async ({ fixture }) => {
      const total = 12_000
      const spec = fixture.shell(writer(total, 100))
      await fixture.start(spec)
      let reads = 0
      for (let last = 0; last < total; reads++) {
        const texts = (await fixture.lines(spec.id)).map((one) => one.text)
        for (const [i, text] of texts.entries()) {
          const n = Number(text.split(' ')[0])
          // the last line may be on its way
          if (i < texts.length - 1) assert.is(text, line(n))
          if (i > 0) assert.ok(n > last, `${n} after ${last}`)
          last = n
        }
      }
      assert.ok(reads > 1)
      await fixture.stop(spec, 100)
    },
    { logLimits: LIMITS },
  ),
)

test(
  'a follower gets every line once, across restarts of the program and of its owner',
  withRuntime(async ({ fixture }) => {
    const spec = fixture.shell(
      `i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo "$$ $i"; sleep 0.01; done; exit 1`,
      { stop: { signal: 'SIGTERM', graceMs: 100 } },
    )
    await fixture.start(spec)
    const abort = new AbortController()
    const seen = new Map<string, string[]>()
    const reading = (async () => {
      for await (const one of fixture.harness.reader().logs(spec.id, { follow: true }, abort.signal)) {
        const [pid = '', n = ''] = one.text.split(' ')
        seen.set(pid, [...(seen.get(pid) ?? []), n])
      }
    })()
    await eventually('the second process writes', () => seen.size >= 2)
    await fixture.reopen()
    await eventually('three processes have written', () => seen.size >= 3)
    const { lastExit } = await fixture.exited(spec)
    assert.is(lastExit?.exitCode, 1)
    await eventually('the last line is there', () => [...seen.values()].at(-1)?.at(-1) === '60')
    abort.abort()
    await reading
    const want = Array.from({ length: 60 }, (_, i) => String(i + 1))
    for (const [, numbers] of seen) assert.equal(numbers, want)
  }),
)

test(
  'a follower ends when the program is stopped, with its last words',
  withRuntime(async ({ fixture }) => {
    const spec = fixture.shell(
      `trap 'echo bye; printf "no newline"; exit 0' TERM; echo ready; while :; do sleep 0.05; done`,
    )
    await fixture.start(spec)
    await fixture.printed(spec.id, 'ready')
    const texts: string[] = []
    const reading = (async () => {
      const signal = AbortSignal.timeout(10_000)
      // sh's own word about its sleep
      for await (const one of fixture.harness.reader().logs(spec.id, { follow: true, tail: 0 }, signal))
        if (one.text !== 'Terminated') texts.push(one.text)
      assert.not.ok(signal.aborted)
    })()
    await new Promise((resolve) => setTimeout(resolve, 100))
    await fixture.stop(spec)
    await reading
    assert.equal(texts, ['bye', 'no newline'])
  }),
)

test(
  'only so many attempts of a crash loop keep their output',
  withRuntime(
    async ({ fixture, stateDir }) => {
      const spec = fixture.shell('echo $$; exit 0')
      for (let i = 0; i < 8; i++) {
        await fixture.start(spec)
        await fixture.exited(spec)
      }
      const dir = join(layoutOf(stateDir).logs, fileNameOf(spec.id))
      const kept = readdirSync(dir).filter((file) => file.endsWith('.out'))
      assert.equal(kept.sort(), ['5.out', '6.out', '7.out', '8.out'])
    },
    { logLimits: LIMITS },
  ),
)

test(
  'lines of both streams come in the order in which they were written, as far as can be seen',
  withRuntime(async ({ fixture }) => {
    const pause = 'sleep 0.6'
    const spec = fixture.shell(
      `echo 1; ${pause}; echo 2 >&2; ${pause}; echo 3; ${pause}; echo 4 >&2; while :; do sleep 0.1; done`,
    )
    await fixture.start(spec)
    await fixture.printed(spec.id, '4')
    const lines = await fixture.lines(spec.id)
    assert.equal(
      lines.map((one) => `${one.stream} ${one.text}`),
      ['stdout 1', 'stderr 2', 'stdout 3', 'stderr 4'],
    )
    const gaps = lines.slice(1).map((one, i) => (one.atMs ?? 0) - (lines[i]?.atMs ?? 0))
    assert.ok(
      gaps.every((gap) => gap >= 400),
      `${gaps}`,
    )
  }),
)

test.run()
