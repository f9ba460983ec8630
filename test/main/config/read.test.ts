import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readConfigFile } from '../../../src/main/config/read.ts'

const folder = mkdtempSync(join(tmpdir(), 'nsctl-config-'))
test.after(() => rmSync(folder, { recursive: true }))

const SECRET =
  'apiVersion: nsctl.dev/v1alpha1\nkind: Config\ncontexts:\n- name: a\n  context:\n    store: "memory:"\n    token: x\n'

for (const c of [
  { name: 'a secret that the group may read', text: SECRET, mode: 0o640, warns: '0640' },
  { name: 'a secret that all may read', text: SECRET, mode: 0o604, warns: '0604' },
  { name: 'a secret of one’s own', text: SECRET, mode: 0o600, warns: undefined },
  { name: 'no secret', text: SECRET.replace('token', 'tokenFile'), mode: 0o644, warns: undefined },
])
  test(`${c.name} is ${c.warns === undefined ? 'not ' : ''}warned about`, async () => {
    const path = join(folder, 'config')
    writeFileSync(path, c.text)
    chmodSync(path, c.mode)
    const warning = (await readConfigFile(path))?.warning
    if (c.warns === undefined) assert.is(warning, undefined)
    else
      assert.is(
        warning,
        `warning: ${path} holds a secret and others may open it (mode ${c.warns}): chmod 600 ${path}`,
      )
  })

test.run()
