/** A planted secret goes through every verb of the real executable, and is then looked for in all that any of them wrote or said. */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome } from './nsctl.ts'

const home = createHome()
test.after(() => home.remove())

const PLANTED = 'xK9-planted-7Qz'
const FORMS = [PLANTED, Buffer.from(PLANTED).toString('base64'), Buffer.from(PLANTED).toString('hex')]
const manifest = (key: string, value: string) =>
  `apiVersion: nsctl.dev/v1alpha1\nkind: Secret\nmetadata: {name: app}\nstringData:\n  ${key}: ${value}\n`

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

test('no file, no line of output and no error holds it', async () => {
  const said: string[] = []
  const run = async (line: string, stdin?: string, env: Record<string, string> = {}) => {
    const ran = await home.run(line.split(' '), { ...(stdin === undefined ? {} : { stdin }), env })
    said.push(`$ nsctl ${line}\n${ran.stdout}${ran.stderr}`)
    return ran
  }
  const input = home.write('plain.yaml', manifest('password', PLANTED))
  home.write('editor', `#!/bin/sh\nprintf 'more: ${PLANTED}\\n' >> "$1"\n`)
  const env = { EDITOR: `sh ${join(home.folder, 'editor')}` }
  for (const [line, stdin] of [
    ['secret create db --from-file password=-', PLANTED],
    [`apply -f ${input}`],
    [`apply -f ${input} --dry-run -o yaml`],
    [`diff -f ${input}`],
    ['diff -f -', manifest('password', `${PLANTED}2`)],
    ['apply -f -', manifest('password', `${PLANTED}2`)],
    ['create -f -', manifest('password', PLANTED).replace('app', 'other')],
    ['secret rotate db --from-file password=-', `${PLANTED}3`],
    ['patch secret db --patch-file -', JSON.stringify({ stringData: { token: PLANTED } })],
    ['secret edit db'],
    ['secret rekey --all'],
    ['secret seal -f -', manifest('password', PLANTED)],
    ['rollback secret/app'],
    ['get secrets -o yaml'],
    ['get secrets -o json -A'],
    ['describe secret db'],
    ['history secret app'],
    ['events'],
    ['store export out.export'],
    ['store check'],
  ] as const) {
    const ran = await run(line, stdin, env)
    const expected = line === 'diff -f -' ? 1 : 0
    assert.is(ran.code, expected, `${line}: ${ran.stderr}`)
  }
  for (const [line, stdin] of [
    ['apply -f - -o json', manifest('pass word', PLANTED)],
    ['apply -f - -o json', `${manifest('password', PLANTED)}typo: ${PLANTED}\n`],
    ['apply -f - -o json', manifest('password', `*${PLANTED}`)],
    ['apply -f -', manifest('password', `"${PLANTED}`)],
    ['create -f - -o json', manifest('password', PLANTED)],
    ['secret create db --from-file password=- -o json', PLANTED],
    [
      'patch secret db -o json --patch-file -',
      JSON.stringify([{ op: 'add', path: '/data', value: PLANTED }]),
    ],
    ['secret rotate nope --from-file password=- -o json', PLANTED],
  ] as const) {
    const ran = await run(line, stdin)
    assert.not.equal(ran.code, 0, line)
  }
  rmSync(join(home.folder, input))
  rmSync(join(home.folder, 'editor'))
  const places = filesBelow(home.folder).map((path) => [path, readFileSync(path)] as const)
  assert.ok(places.some(([path]) => path.endsWith('store.db')))
  assert.ok(places.some(([path]) => path.endsWith('out.export')))
  for (const [path, bytes] of [...places, ['what was said', Buffer.from(said.join('\n'))] as const])
    for (const form of FORMS) assert.is(bytes.indexOf(form.slice(0, 14)), -1, `${form} is in ${path}`)
  assert.equal(
    readdirSync('/dev/shm').filter((name) => name.startsWith('nsctl-secret-')),
    [],
  )
  assert.is((await home.run(['secret', 'reveal', 'db', 'more'])).stdout, PLANTED)
})

test.run()
