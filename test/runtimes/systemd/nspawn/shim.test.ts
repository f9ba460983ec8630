/** What stands between a keeper and its program, in the shells that are a /bin/sh somewhere. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { environmentFileLine } from '../../../../src/runtimes/systemd/escape.ts'
import { INNER } from '../../../../src/runtimes/systemd/nspawn/shim.ts'

const HARD = `a "b" 'c' $HOME \${X} \`id\` \\ \\n \\\n %h #; =é🔑\ttab\n\nlast `
/** bash is another where it is called sh, as on NixOS: the same as with --posix. */
const SHELLS = [['/bin/dash'], ['/bin/bash', '--posix'], ['/bin/bash'], ['/bin/busybox', 'sh']].filter(
  ([shell = '']) => existsSync(shell),
)
const dir = mkdtempSync(join(tmpdir(), 'nsctl-inner-'))
test.after(() => rmSync(dir, { recursive: true, force: true }))

function inner(
  shell: readonly string[],
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): { readonly told: string; readonly stdout: string; readonly stderr: string } {
  const file = join(dir, 'end')
  const given = Object.entries(env)
    .map(([name, value]) => environmentFileLine(name, value))
    .join('')
  writeFileSync(file, given)
  const [program = '', ...words] = shell
  const { stdout, stderr } = spawnSync(program, [...words, '-c', INNER, 'sh', ...command], {
    stdio: [openSync(file, 'r+'), 'pipe', 'pipe'],
    env: { PATH: '/usr/bin:/bin' },
    encoding: 'utf8',
  })
  return { told: readFileSync(file, 'utf8').slice(given.length), stdout, stderr }
}

for (const shell of SHELLS) {
  const name = shell.join(' ')

  for (const code of [0, 7, 137, 255])
    test(`${name}: exit ${code} is told as it is, and nothing with it`, () => {
      const { told, stdout, stderr } = inner(shell, ['/bin/sh', '-c', `echo out; echo err >&2; exit ${code}`])
      assert.equal([told, stdout, stderr], [`${code}\n`, 'out\n', 'err\n'])
    })

  for (const [signal, number] of [
    ['KILL', 9],
    ['TERM', 15],
    ['SEGV', 11],
    ['USR1', 10],
  ] as const)
    test(`${name}: SIG${signal} is told apart from an exit code, and not to the program's own output`, () => {
      const { told, stderr } = inner(shell, ['/bin/sh', '-c', `ulimit -c 0; kill -${signal} $$`])
      const [said = '', code] = told.trim().split('\n')
      assert.is(code, String(128 + number))
      assert.is.not(said, '')
      assert.is(stderr, '')
    })

  test(`${name}: what is not there, or not executable, is refused`, () => {
    writeFileSync(join(dir, 'text'), 'x', { mode: 0o644 })
    for (const program of ['/nowhere/x', join(dir, 'text'), dir, 'nowhere-in-path']) {
      const { told, stderr } = inner(shell, [program])
      assert.is(told, 'refused\n127\n')
      assert.match(stderr, /is not there or not executable in the container/)
    }
  })

  test(`${name}: a program without a slash is looked for in its own PATH, and is no builtin`, () => {
    writeFileSync(join(dir, 'echo'), '#!/bin/sh\nprintf "mine: $*"\n', { mode: 0o755 })
    const { told, stdout } = inner(shell, ['echo', 'a b', 'c'], { PATH: `/nowhere:${dir}:/usr/bin:/bin` })
    assert.equal([told, stdout], ['0\n', 'mine: a b c'])
  })

  test(`${name}: variables arrive byte for byte, and nothing of its own besides`, () => {
    const { stdout } = inner(shell, ['/usr/bin/env', '-0'], { HARD, EMPTY: '', IFS_LIKE: ' : ' })
    const seen = new Map(
      stdout
        .split('\0')
        .map((pair): [string, string] => [pair.split('=')[0] ?? '', pair.slice(pair.indexOf('=') + 1)]),
    )
    assert.is(seen.get('HARD'), HARD)
    assert.is(seen.get('EMPTY'), '')
    assert.is(seen.get('IFS_LIKE'), ' : ')
    assert.not.ok([...seen.keys()].some((one) => one.startsWith('nsctl__')))
  })

  test(`${name}: it has nothing to read, and not the file between the two`, () => {
    const { told, stdout } = inner(shell, ['/bin/sh', '-c', 'cat; ls -l /proc/$$/fd'])
    assert.is(told, '0\n')
    assert.match(stdout, /0 -> \/dev\/null/)
    assert.not.match(stdout, dir)
  })
}

test.run()
