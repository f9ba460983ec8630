import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { silentLogger } from '../../src/core/logger.ts'
import { nodeKeyOf, removeNodeKey } from '../../src/main/node-key.ts'

const test = suite<{ home: string; env: { NSCTL_HOME: string } }>("a machine's key")
test.before.each(async (context) => {
  context.home = await mkdtemp(join(tmpdir(), 'nsctl-machine-key-'))
  context.env = { NSCTL_HOME: context.home }
})
test.after.each(async ({ home }) => rm(home, { recursive: true, force: true }))

const id = { namespace: 'default', service: 'web', templateHash: 'h3kq9x2mzc', ordinal: 0, program: '' }
const material = { credentials: new Map(), environment: new Map([['A', '1']]), folders: new Map() }

test('lies beside what its runtime keeps, one for each runtime', async ({ home, env }) => {
  const keys = await Promise.all(
    (['process', 'systemd-user'] as const).map((choice) =>
      nodeKeyOf(choice, env, silentLogger).seal.recipients(),
    ),
  )
  assert.is(new Set(keys.flat()).size, 2)
  assert.equal((await readdir(home)).sort(), ['process', 'systemd-user'])
})

test('stays when the machine is given up, and is named; goes with --purge; what is kept goes at once', async ({
  home,
  env,
}) => {
  const { keep } = nodeKeyOf('process', env, silentLogger)
  await keep.save(id, material)
  const file = join(home, 'process', 'node-identity')
  assert.equal((await readdir(join(home, 'process'))).sort(), ['materials', 'node-identity'])
  assert.equal(await removeNodeKey('process', env, false), [
    `${file}: this machine's key, to which Secrets are sealed for it`,
  ])
  assert.equal(await readdir(join(home, 'process')), ['node-identity'])
  assert.equal(await removeNodeKey('process', env, true), [])
  assert.equal(await readdir(join(home, 'process')), [])
  assert.equal(await removeNodeKey('process', env, true), [])
})

test.run()
