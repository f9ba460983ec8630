import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { commandLine, octal, setting } from '../../../src/transport/ssh/quote.ts'

for (const { name, argv, env, line } of [
  {
    name: 'shows plain words as they are',
    argv: ['systemctl', 'show', '--property=Id', 'nsctl-*', 'a b', '=x', ''],
    line: `exec /bin/sh -c 'echo "$0$$" >&2; exec "$@"' m: systemctl show --property=Id 'nsctl-*' 'a b' '=x' ''`,
  },
  {
    name: 'sets variables first',
    argv: ['env'],
    env: { LC_ALL: 'C', B: 'two words' },
    line: `exec /bin/sh -c 'echo "$0$$" >&2; export LC_ALL="$1"; shift; export B="$1"; shift; exec "$@"' m: C 'two words' env`,
  },
  {
    name: 'writes what shells disagree on in octal',
    argv: ['a', "'"],
    line: `exec /bin/sh -c 'echo "$0$$" >&2; eval "$(printf "$1")"; exec "$@"' m: 'set\\040\\055\\055\\040\\047a\\047\\040\\047\\047\\134\\047\\047\\047'`,
  },
] as const)
  test(`commandLine ${name}`, () => {
    assert.is(commandLine({ argv, ...(env && { env }) }, 'm:'), line)
  })

test('no line holds what a login shell may read in its own way', () => {
  const word = fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => !text.includes('\0'))
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (words) => {
      const line = commandLine({ argv: words as [string, ...string[]] }, 'm:')
      assert.match(line, /^[ -~]*$/)
      assert.not.match(line, '!')
      // a backslash is followed by digits only, and quotes come in pairs with nothing but a space around
      assert.not.match(line, /\\(?![0-7]{3})/)
      assert.is(line.split("'").length % 2, 1)
    }),
  )
})

for (const shell of ['/bin/sh', '/bin/dash', '/bin/bash'].filter(existsSync)) {
  test(`${shell} reads any bytes back`, () => {
    const bytes = fc.uint8Array({ min: 1, max: 255, maxLength: 40 })
    fc.assert(
      fc.property(fc.array(bytes, { minLength: 1, maxLength: 6 }), (words) => {
        const script = 'eval "$(printf "$1")"; printf "%s\\0" "$@"'
        const { stdout } = spawnSync(shell, ['-c', script, 'sh', octal(setting(words))])
        assert.is(
          stdout.toString('hex'),
          words.map((word) => `${Buffer.from(word).toString('hex')}00`).join(''),
        )
      }),
      { numRuns: 60, examples: [[[Uint8Array.from({ length: 255 }, (_, index) => index + 1)]]] },
    )
  })

  test(`${shell} as a login shell hands a line's words over`, () => {
    const word = fc
      .string({ unit: 'binary', maxLength: 20 })
      .filter((text) => !text.includes('\0') && text.isWellFormed())
    fc.assert(
      fc.property(fc.array(word, { maxLength: 5 }), word, (words, value) => {
        const argv = ['sh', '-c', 'printf "%s\\0" "$V" "$@"', 'sh', ...words] as const
        const line = commandLine({ argv: [...argv] as [string, ...string[]], env: { V: value } }, 'marker:')
        const { stdout, stderr, pid } = spawnSync(shell, ['-c', line])
        assert.equal(stdout.toString().split('\0').slice(0, -1), [value, ...words])
        assert.is(stderr.toString(), `marker:${pid}\n`)
      }),
      { numRuns: 40 },
    )
  })
}

test.run()
