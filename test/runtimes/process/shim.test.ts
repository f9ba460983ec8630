/** The shim must say the same under every sh that a system may have. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir, uptime } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isWhole, parseExit } from '../../../src/runtimes/process/exits.ts'
import { cancelAttempt, parseClaim, SHIM } from '../../../src/runtimes/process/shim.ts'
import { MARKER } from '../../../src/runtimes/process/table.ts'
import { eventually } from '../contract/fixture.ts'

/** bash is another where it is called sh, as on NixOS and Fedora: the same as with --posix. */
const SHELLS = [['dash'], ['bash'], ['bash', '--posix'], ['busybox', 'sh']].filter(
  ([program]) => spawnSync(program as string, ['-c', ':'], { stdio: 'ignore' }).error === undefined,
) as [string, ...string[]][]

interface Attempt {
  readonly run: string
  readonly dir: string
  readonly shim: string
}

function withAttempt(work: (attempt: Attempt) => void | Promise<void>) {
  return async () => {
    const dir = mkdtempSync(join(tmpdir(), 'nsctl-shim-'))
    const shim = join(dir, 'shim.sh')
    writeFileSync(shim, SHIM)
    try {
      await work({ run: join(dir, 'web.1'), dir, shim })
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  }
}

function argsOf({ run, dir, shim }: Attempt, command: readonly string[], fence = 'none'): string[] {
  return [
    shim,
    run,
    join(dir, 'out'),
    join(dir, 'err'),
    'boot-1',
    '/bin/ln',
    'any',
    fence,
    '/bin/sleep',
    '/bin/grep',
    ...command,
  ]
}

for (const [shell, ...first] of SHELLS) {
  const runShim = (attempt: Attempt, command: readonly string[]) =>
    spawnSync(shell, [...first, ...argsOf(attempt, command)], { env: { PATH: process.env.PATH, A: 'b' } })

  const exitOf = (attempt: Attempt, program: string) =>
    parseExit({
      text: readFileSync(`${attempt.run}.exit`, 'utf8'),
      atMs: 1,
      refused: existsSync(`${attempt.run}.refused`),
      program,
    })

  for (const [command, want] of [
    [['true'], { reason: 'success', exitCode: 0 }],
    [['sh', '-c', 'exit 3'], { reason: 'exit-code', exitCode: 3 }],
    [['sh', '-c', 'exit 127'], { reason: 'exit-code', exitCode: 127 }],
    [['sh', '-c', 'exit 137'], { reason: 'exit-code', exitCode: 137 }],
    [['sh', '-c', 'exit 143'], { reason: 'exit-code', exitCode: 143 }],
    [['sh', '-c', 'exit 75'], { reason: 'exit-code', exitCode: 75 }],
    [['sh', '-c', 'kill -KILL $$'], { reason: 'signal', signal: 'SIGKILL' }],
    [['sh', '-c', 'kill -TERM $$'], { reason: 'signal', signal: 'SIGTERM' }],
    [['sh', '-c', 'kill -INT $$'], { reason: 'signal', signal: 'SIGINT' }],
    [['sh', '-c', 'kill -PIPE $$'], { reason: 'signal', signal: 'SIGPIPE' }],
    [['/nonexistent/x'], { reason: 'exec', exitCode: 127, message: 'cannot execute /nonexistent/x' }],
    [['/etc/passwd'], { reason: 'exec', exitCode: 126, message: 'cannot execute /etc/passwd' }],
  ] as const) {
    test(
      `${shell}: ${command.join(' ')} ends with ${JSON.stringify(want)}`,
      withAttempt((attempt) => {
        runShim(attempt, command)
        assert.equal(exitOf(attempt, command[0]), { ...want, atMs: 1 })
      }),
    )
  }

  test(
    `${shell}: output, arguments and environment reach the program as they are`,
    withAttempt((attempt) => {
      runShim(attempt, ['sh', '-c', 'echo "$0|$1|$A"; echo wrong >&2', 'a b', '$x "\' \\'])
      assert.is(readFileSync(join(attempt.dir, 'out'), 'utf8'), 'a b|$x "\' \\|b\n')
      assert.is(readFileSync(join(attempt.dir, 'err'), 'utf8'), 'wrong\n')
    }),
  )

  test(
    `${shell}: the claim names the shim and the program before that one runs`,
    withAttempt((attempt) => {
      const script = `cat ${attempt.run}.claim; echo $$; read -r _ </proc/self/stat; cat /proc/$$/stat`
      const shim = runShim(attempt, ['sh', '-c', script])
      const [claimed = '', pid, stat = ''] = readFileSync(join(attempt.dir, 'out'), 'utf8').split('\n')
      const claim = parseClaim(`${claimed}\n`)
      assert.ok(claim !== undefined && claim !== 'cancelled')
      assert.is(claim.pid, Number(pid))
      assert.is(claim.start, Number(stat.split(' ')[21]))
      assert.is(claim.shimPid, shim.pid)
      assert.ok(claim.shimStart > 0 && claim.shimStart <= claim.start)
      assert.is(claim.bootId, 'boot-1')
    }),
  )

  test(
    `${shell}: an attempt that was cancelled never runs`,
    withAttempt((attempt) => {
      assert.ok(cancelAttempt(`${attempt.run}.claim`, 'boot-1'))
      assert.is(runShim(attempt, ['sh', '-c', 'echo ran']).status, 75)
      assert.not.ok(existsSync(join(attempt.dir, 'out')))
      assert.is(parseClaim(readFileSync(`${attempt.run}.claim`, 'utf8')), 'cancelled')
    }),
  )

  test(
    `${shell}: an attempt that was claimed cannot be cancelled`,
    withAttempt((attempt) => {
      runShim(attempt, ['true'])
      assert.not.ok(cancelAttempt(`${attempt.run}.claim`, 'boot-1'))
    }),
  )

  test(
    `${shell}: what has left a fenced program falls with the fence, also when the program has ended`,
    withAttempt(async (attempt) => {
      const fence = join(attempt.dir, 'fence')
      const fall = (atS: number) => writeFileSync(fence, `${atS} ${atS + 1} boot-1\n`)
      fall(Math.floor(uptime()) + 60)
      const word = `7${process.pid}${SHELLS.findIndex(([one]) => one === shell)}`
      const command = ['sh', '-c', `setsid sleep ${word} & sleep 0.2`]
      const shim = spawn(shell, [...first, ...argsOf(attempt, command, fence)], {
        ...{ detached: true, stdio: 'ignore' },
        env: { PATH: process.env.PATH, [MARKER]: attempt.run },
      })
      const isLeft = () => spawnSync('pgrep', ['-fx', `sleep ${word}`]).status === 0
      const members = () => spawnSync('pgrep', ['-g', `${shim.pid}`]).status === 0
      await eventually('its exit', () => existsSync(`${attempt.run}.exit`))
      await new Promise((resolve) => setTimeout(resolve, 1_200))
      assert.ok(isLeft(), 'while the fence is up it is somebody else’s business')
      fall(Math.floor(uptime()))
      await eventually('the end of all of it', () => !isLeft() && !members())
    }),
  )

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const) {
    test(
      `${shell}: ${signal} to the group ends the program, and the shim stays to tell`,
      withAttempt(async (attempt) => {
        const shim = spawn(shell, [...first, ...argsOf(attempt, ['sleep', '60'])], {
          detached: true,
          stdio: 'ignore',
        })
        const ended = new Promise((resolve) => shim.on('exit', resolve))
        await eventually('the claim', () => existsSync(`${attempt.run}.claim`))
        await eventually('sleep runs', () =>
          readFileSync(
            `/proc/${readFileSync(`${attempt.run}.claim`, 'utf8').split(' ')[2]}/comm`,
            'utf8',
          ).startsWith('sleep'),
        )
        process.kill(-(shim.pid as number), signal)
        await ended
        const { reason, signal: found } = exitOf(attempt, 'sleep')
        assert.ok(reason === 'signal' || reason === 'core-dump', reason)
        assert.is(found, signal)
      }),
    )
  }
}

for (const [text, whole] of [
  ['', false],
  ['0 ', false],
  ['0 \n', true],
] as const)
  test(`an exit of ${JSON.stringify(text)} is ${whole ? '' : 'not '}whole`, () =>
    assert.is(isWhole(text), whole))

for (const text of ['', '12 34 56\n', '1 2 3 4 boot', 'x 1 2 3 boot\n'])
  test(`a claim of ${JSON.stringify(text)} makes no sense`, () => assert.is(parseClaim(text), undefined))

test('an exit that cannot be read is lost, not a success', () =>
  assert.is(parseExit({ text: 'garbage\n', atMs: 1, refused: false, program: 'x' }).reason, 'lost'))

test('the shim of the tests is there', () => {
  assert.ok(SHELLS.length > 0)
  assert.ok(statSync('/bin/ln').isFile())
})

test.run()
