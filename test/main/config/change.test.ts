import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock, systemClock } from '../../../src/core/clock.ts'
import type { NsctlError } from '../../../src/core/errors.ts'
import { changeConfigFile } from '../../../src/main/config/change.ts'
import { withContext } from '../../../src/main/config/config.ts'
import { readConfigFile } from '../../../src/main/config/read.ts'

function inFolder(run: (folder: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nsctl-config-'))
    try {
      await run(folder)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

// the clock's timers keep no process alive
const alive = setInterval(() => {}, 2 ** 30)
test.after(() => clearInterval(alive))

const { signal } = new AbortController()
const add = (path: string, name: string, clock = systemClock) =>
  changeConfigFile({ path, clock, signal }, (config) =>
    withContext(config, name, { store: `sqlite:/${name}.db` }),
  )
const modeOf = (path: string) => statSync(path).mode & 0o777
const namesIn = async (path: string) => (await readConfigFile(path))?.config.contexts.map((one) => one.name)

test(
  'it is made with its folder, for nobody else, and leaves nothing beside it',
  inFolder(async (folder) => {
    const path = join(folder, 'a/nsctl/config')
    assert.is(await readConfigFile(path), undefined)
    await add(path, 'prod')
    assert.equal([modeOf(path), modeOf(join(folder, 'a/nsctl'))], [0o600, 0o700])
    assert.equal(readdirSync(join(folder, 'a/nsctl')), ['config'])
    assert.equal(await namesIn(path), ['prod'])
  }),
)

test(
  'changes made at the same time are all there',
  inFolder(async (folder) => {
    const path = join(folder, 'config')
    const names = Array.from({ length: 12 }, (_, n) => `c${n}`)
    await Promise.all(names.map((name) => add(path, name)))
    assert.equal([...((await namesIn(path)) ?? [])].sort(), [...names].sort())
  }),
)

test(
  'a link stays a link, and a file that others could read no longer is',
  inFolder(async (folder) => {
    const [path, dotfile] = [join(folder, 'config'), join(folder, 'dotfiles')]
    writeFileSync(dotfile, '', { mode: 0o644 })
    symlinkSync(dotfile, path)
    await add(path, 'prod')
    assert.ok(lstatSync(path).isSymbolicLink())
    assert.match(readFileSync(dotfile, 'utf8'), 'name: prod')
    assert.is(modeOf(dotfile), 0o600)
  }),
)

test(
  'an edit that is refused leaves file and folder as they were',
  inFolder(async (folder) => {
    const path = join(folder, 'config')
    await add(path, 'prod')
    const before = readFileSync(path, 'utf8')
    const refused = changeConfigFile({ path, clock: systemClock, signal }, () => {
      throw new Error('no')
    })
    assert.is(await refused.catch((error) => error.message), 'no')
    assert.is(readFileSync(path, 'utf8'), before)
    assert.equal(readdirSync(folder), ['config'])
  }),
)

test(
  'a damaged file is not overwritten',
  inFolder(async (folder) => {
    const path = join(folder, 'config')
    writeFileSync(path, 'contexts: [')
    const error = (await add(path, 'prod').catch((error) => error)) as NsctlError
    assert.is(error.code, 'Invalid')
    assert.is(readFileSync(path, 'utf8'), 'contexts: [')
    assert.not(existsSync(`${path}.lock`))
  }),
)

test(
  'a lock that nobody gives back is named after a while',
  inFolder(async (folder) => {
    const path = join(folder, 'config')
    writeFileSync(`${path}.lock`, '')
    const clock = new ManualClock()
    let ended = false
    const change = add(path, 'prod', clock)
      .catch((error) => error as NsctlError)
      .finally(() => {
        ended = true
      })
    while (!ended) {
      clock.advance(100)
      await new Promise((settle) => setImmediate(settle))
    }
    const error = (await change) as NsctlError
    assert.equal([error.code, error.message], ['Conflict', `another nsctl is changing ${path}`])
    assert.match(error.next ?? '', `rm ${path}.lock`)
  }),
)

test(
  'what is no file is not replaced by one',
  inFolder(async (folder) => {
    const path = join(folder, 'config')
    symlinkSync('/dev/null', path)
    assert.equal((await readConfigFile(path))?.config, { contexts: [] })
    const error = (await add(path, 'prod').catch((error) => error)) as NsctlError
    assert.match(error.message, '/dev/null is no file that can be written')
    assert.ok(statSync(path).isCharacterDevice())
  }),
)

test(
  'where it cannot be written the error says who may have made it',
  inFolder(async (folder) => {
    writeFileSync(join(folder, 'file'), '')
    const error = (await add(join(folder, 'file/config'), 'prod').catch((error) => error)) as NsctlError
    assert.is(error.code, 'Unreachable')
    assert.match(error.message, /file\/config cannot be written: E/)
    assert.match(error.next ?? '', 'home-manager')
  }),
)

test.run()
