/** kill -9 of a rekey at any moment: each Secret is sealed to whom it was or to whom it is to be, and the same command goes on. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Secret } from '../../src/resources/generated/types.ts'
import { type Identity, makeIdentityFile, readIdentities } from '../../src/secrets/identity.ts'
import { openValue } from '../../src/secrets/value.ts'
import { createHome, root } from './nsctl.ts'

const KILLS = 16
const SECRETS = 60
/** Node starts for some 100 ms before the first is changed. */
const FIRST_MS = 60
const STEP_MS = 12

const home = createHome()
const run = (line: string, stdin = '') => home.run(line.split(' '), { stdin })
test.after(() => home.remove())

function killed(afterMs: number): Promise<void> {
  const child = spawn(join(root, 'bin/nsctl'), ['secret', 'rekey', '--all'], {
    cwd: home.folder,
    env: { PATH: process.env.PATH, HOME: home.folder, USER: 'ada', NSCTL_HOME: home.state },
    stdio: 'ignore',
  })
  setTimeout(() => child.kill('SIGKILL'), afterMs)
  return new Promise((settle) => child.on('close', () => settle()))
}

async function secrets(): Promise<readonly Secret[]> {
  const { stdout } = await run('get secrets -o json')
  return (JSON.parse(stdout) as { readonly items: readonly Secret[] }).items
}

/** Opens with `identity` what says that it is sealed to it, and nothing else. Returns how many of them do. */
async function openedBy(identity: Identity, all: readonly Secret[]): Promise<number> {
  let count = 0
  for (const { metadata, spec } of all) {
    const isSaid = spec.recipients?.includes(identity.recipient) === true
    if (isSaid) count++
    for (const key of ['password', 'user']) {
      const place = { namespace: 'default', name: metadata.name, key }
      const value = await openValue(spec.sealed![key]!, place, [identity]).catch(() => undefined)
      const text = value && Buffer.from(value).toString()
      assert.is(text, isSaid ? `${metadata.name} ${key}` : undefined, `${metadata.name} ${key}`)
    }
  }
  return count
}

test(`${KILLS} kills leave every Secret old or new`, async () => {
  const names = Array.from({ length: SECRETS }, (_, n) => `s-${n}`)
  const manifests = names.map(
    (name) =>
      `apiVersion: nsctl.dev/v1alpha1\nkind: Secret\nmetadata: {name: ${name}}\nstringData: {password: ${name} password, user: ${name} user}\n`,
  )
  const applied = await run('apply -f -', manifests.join('---\n'))
  assert.is(applied.code, 0, applied.stderr)
  const versions = (await secrets()).map(({ spec }) => spec.sealed!.password!.version)
  const [own] = await readIdentities(join(home.folder, '.config/nsctl/identity'))
  const bob = await makeIdentityFile(join(home.folder, 'bob'))
  const outcomes = { none: 0, some: 0, all: 0 }
  for (let kill = 0; kill < KILLS; kill++) {
    // to him and away from him in turn
    const isAdded = kill % 2 === 0
    const changed = await run(
      isAdded ? `secret recipients add bob ${bob.recipient}` : 'secret recipients remove bob',
    )
    assert.is(changed.code, 0, changed.stderr)
    await killed(FIRST_MS + kill * STEP_MS)
    const left = await secrets()
    assert.is(await openedBy(own!, left), SECRETS)
    const moved = (await openedBy(bob, left)) - (isAdded ? 0 : SECRETS)
    outcomes[moved === 0 ? 'none' : Math.abs(moved) === SECRETS ? 'all' : 'some']++
    const again = await run('secret rekey --all')
    assert.is(again.code, 0, again.stderr)
    assert.match(
      again.stdout,
      `${SECRETS - Math.abs(moved)} rekeyed, ${Math.abs(moved)} unchanged`,
      'it goes on where it was',
    )
    assert.is(await openedBy(bob, await secrets()), isAdded ? SECRETS : 0)
  }
  console.log(`killed: ${JSON.stringify(outcomes)}`)
  assert.ok(outcomes.some > 0, `no kill hit the middle: ${JSON.stringify(outcomes)}`)
  assert.equal(
    (await secrets()).map(({ spec }) => spec.sealed!.password!.version),
    versions,
    'nothing has another version',
  )
})

test.run()
