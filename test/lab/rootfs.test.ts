import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../parts.ts'

const SCRIPT = join(dirname(fileURLToPath(import.meta.url)), 'rootfs.sh')

/** Stand in for what needs root and a mirror. */
const STAND_INS = {
  'apt-get': 'echo "Debian http://mirror.invalid/debian"',
  mmdebstrap: `while [ $# -gt 3 ]; do shift; done; mkdir -p "$2/etc"; [ -z "\${FAIL:-}" ]`,
  useradd: ':',
}

interface Lab {
  /** A checkout whose script differs from others' by `comment`. */
  checkout(comment: string): string
  build(
    script: string,
    env?: Readonly<Record<string, string>>,
  ): { readonly code: number | null; readonly path: string }
  readonly cache: string
  /** The names of what the cache holds. */
  cached(): readonly string[]
}

function inLab(name: string, act: (lab: Lab) => void): void {
  needs(
    test,
    process.platform === 'linux',
    'Linux with flock',
  )(`rootfs.sh ${name}`, () => {
    const dir = mkdtempSync(join(tmpdir(), 'nsctl-rootfs-'))
    try {
      act(openLab(dir))
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })
}

function openLab(dir: string): Lab {
  const [bin, cache] = [join(dir, 'bin'), join(dir, 'cache')]
  mkdirSync(bin)
  mkdirSync(cache)
  for (const [name, text] of Object.entries(STAND_INS))
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  return {
    cache,
    cached: () =>
      readdirSync(cache)
        .filter((name) => !name.endsWith('.lock'))
        .sort(),
    checkout(comment) {
      const script = join(dir, `${comment}.sh`)
      copyFileSync(SCRIPT, script)
      writeFileSync(script, `\n# ${comment}\n`, { flag: 'a' })
      return script
    },
    build(script, env = {}) {
      const path = `${bin}:${process.env.PATH}`
      const { status, stdout } = spawnSync('sh', [script, 'bookworm'], {
        encoding: 'utf8',
        env: { ...env, NSCTL_LAB: cache, PATH: path },
      })
      return { code: status, path: stdout.trim() }
    },
  }
}

inLab('leaves what other checkouts built, on which nodes may be running', (lab) => {
  const [one, other] = [lab.checkout('one'), lab.checkout('other')]
  const first = lab.build(one)
  const second = lab.build(other)
  assert.equal([first.code, second.code], [0, 0])
  assert.is.not(first.path, second.path)
  assert.equal(lab.cached(), [basename(first.path), basename(second.path)].sort())
  assert.equal(lab.build(one), first)
})

inLab('removes what a build that failed or was killed left, by whatever checkout', (lab) => {
  assert.is(lab.build(lab.checkout('one'), { FAIL: '1' }).code, 1)
  assert.is(lab.cached().length, 1)
  const { path } = lab.build(lab.checkout('other'))
  assert.equal(lab.cached(), [basename(path)])
})

inLab('leaves what another release is being built into', (lab) => {
  mkdirSync(join(lab.cache, 'trixie-1.part'))
  lab.build(lab.checkout('one'))
  assert.ok(lab.cached().includes('trixie-1.part'))
})

test.run()
