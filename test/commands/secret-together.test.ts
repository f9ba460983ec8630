/** Several commands at once in a home where nothing is yet: one identity, one recipient, one control plane, and all can be opened. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome } from './nsctl.ts'

const home = createHome()
test.after(() => home.remove())
const run = (line: string, stdin = '') => home.run(line.split(' '), { stdin })

test('the first commands of a user may be many', async () => {
  const names = Array.from({ length: 6 }, (_, n) => `s${n}`)
  const made = await Promise.all(names.map((name) => run(`secret create ${name} --from-file value=-`, name)))
  for (const ran of made) assert.is(ran.code, 0, ran.stderr)
  const recipients = JSON.parse((await run('secret recipients -o json')).stdout) as readonly {
    readonly role: string
  }[]
  assert.equal(recipients.map(({ role }) => role).sort(), ['ControlPlane', 'Operator'])
  assert.match((await run('secret rekey --all')).stdout, '0 rekeyed, 6 unchanged')
  for (const name of names) assert.is((await run(`secret reveal ${name} value`)).stdout, name)
  const own = (await run('secret identity')).stdout.trim()
  assert.match(readFileSync(join(home.folder, '.config/nsctl/known-recipients'), 'utf8'), own)
})

test.run()
