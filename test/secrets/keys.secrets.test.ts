/** The life of keys as docs/secrets.md tells it, with the real commands and the real daemon. */
import { type ChildProcess, spawn } from 'node:child_process'
import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, root } from '../commands/nsctl.ts'

const home = createHome()
const at = (name: string) => join(home.folder, name)
const controlPlane = join(home.state, 'identity')
let daemon: ChildProcess | undefined

async function up(): Promise<void> {
  const child = spawn(join(root, 'bin/nsctl'), ['up', '--runtime', 'process', '--own'], {
    env: { PATH: process.env.PATH, HOME: home.folder, LANG: 'C.UTF-8', NSCTL_HOME: home.state },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  daemon = child
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (data) => String(data).includes('is ready') && resolve())
    child.once('exit', (code) => reject(new Error(`up ended with ${code}`)))
  })
}

async function down(): Promise<void> {
  const gone = new Promise((resolve) => daemon?.once('exit', resolve))
  daemon?.kill('SIGTERM')
  await gone
  daemon = undefined
}

test.after(async () => {
  if (daemon) await down()
  home.remove()
})

interface Person {
  /** What he types, split at blanks; fails where it ends with another code. */
  type(words: string, more?: { readonly stdin?: string; readonly code?: number }): Promise<string>
  readonly identity: string
}

/** Somebody with a home of his own, at the same store, on another machine than the control plane. */
function person(name: string): Person {
  const env = { HOME: at(name), USER: name, NSCTL_HOME: at(`${name}/state`) }
  const store = ['--store', `sqlite:${join(home.state, 'store.db')}`]
  return {
    identity: at(`${name}/.config/nsctl/identity`),
    async type(words, { stdin = '', code = 0 } = {}) {
      const finished = await home.run([...store, ...words.split(' ')], { env, stdin })
      const text = `${finished.stdout}${finished.stderr}`
      assert.is(finished.code, code, `${name}: nsctl ${words}\n${text}`)
      return text
    },
  }
}

const ada = person('ada')
const bob = person('bob')
const REKEY = 'secret rekey --all -A'
const value = async (who: Person, more = '') => (await who.type(`secret reveal db password${more}`)).trim()
const recipientNames = async () =>
  (await ada.type('get recipients -o jsonpath={.items[*].metadata.name}')).split(' ')
const ownName = async (who: Person) => {
  const key = (await who.type('secret identity')).split('\n')[0]
  return ada.type(`get recipients -o jsonpath={.items[?(@.spec.key=="${key}")].metadata.name}`)
}

test('a further operator opens what is there once he is trusted and it is sealed anew', async () => {
  await up()
  // whoever seals before it is there seals to operators alone, and is asked to trust it later
  await until(async () => (await recipientNames()).includes('control-plane'))
  await ada.type('secret create db --from-file password=-', { stdin: 'open sesame' })
  await bob.type('secret create other --from-file a=-', { stdin: 'x' })
  await bob.type('secret reveal db password', { code: 1 })
  const name = await ownName(bob)
  assert.match(await ada.type(REKEY, { code: 1 }), `nsctl secret recipients trust ${name}`)
  await ada.type(`secret recipients trust ${name}`)
  assert.match(await ada.type(REKEY), '1 rekeyed, 1 unchanged')
  assert.is(await value(bob), 'open sesame')
})

test("an operator's key is changed for another, and the old one opens nothing new", async () => {
  const old = await ownName(ada)
  renameSync(ada.identity, at('old'))
  await ada.type(`${REKEY} --identity ${at('old')}`)
  await ada.type(`secret recipients remove ${old}`)
  await ada.type(REKEY)
  assert.is(await value(ada), 'open sesame')
  rmSync(ada.identity)
  await ada.type(`secret reveal db password --identity ${at('old')}`, { code: 1 })
})

test('a lost identity of an operator is made up for with that of the control plane', async () => {
  const names = await recipientNames()
  await ada.type(`${REKEY} --identity ${controlPlane}`)
  assert.is((await recipientNames()).length, names.length + 1)
  assert.is(await value(ada), 'open sesame')
})

test('a lost or stolen identity of the control plane is replaced, and nodes get Secrets again', async () => {
  await down()
  renameSync(controlPlane, at('stolen'))
  await ada.type('secret recipients remove control-plane')
  await up()
  await until(async () => (await recipientNames()).includes('control-plane'))
  assert.match(await ada.type(REKEY, { code: 1 }), 'recipient control-plane (a control plane, ')
  await ada.type('secret recipients trust control-plane')
  await ada.type(`secret recipients trust ${await ownName(bob)}`)
  await ada.type(REKEY)
  await ada.type('secret rotate db --from-file password=-', { stdin: 'open barley' })
  assert.is(await value(ada, ` --identity ${controlPlane}`), 'open barley')
  rmSync(ada.identity)
  await ada.type(`secret reveal db password --identity ${at('stolen')}`, { code: 1 })
  await until(async () => /Openable +True/.test(await ada.type('describe secret db')))
})

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`not within 30 s\n${await ada.type('describe secret db')}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

test.run()
