/** What the documents tell people to type is there: each verb, and each flag of it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { VERBS } from '../../src/commands/table.ts'

const root = join(import.meta.dirname, '../..')
const DOCUMENTS = ['README.md', 'docs/secrets.md']

/** Command lines in code blocks: `nsctl …` up to a comment, a pipe or the end, also behind `|` and `$(`. */
function commandsIn(text: string): readonly string[] {
  const lines = text.split('\n').filter((line) => /^ {4}\S/.test(line))
  return lines.flatMap((line) =>
    [...line.matchAll(/(?:^ {4}(?:\$ |sudo )?|\| |\$\(|&& |ssh \S+ )(nsctl [a-z][^|#)]*)/g)].map((match) =>
      (match[1] ?? '').trim(),
    ),
  )
}

for (const document of DOCUMENTS)
  test(`${document} names verbs and flags that there are`, async () => {
    const commands = commandsIn(readFileSync(join(root, document), 'utf8'))
    assert.ok(commands.length > 10, `only ${commands.length} commands were found`)
    for (const text of commands) {
      const words = text.split(/\s+/).slice(1)
      const verb =
        VERBS.find(({ name }) => name === words.slice(0, 2).join(' ')) ??
        VERBS.find(({ name }) => name === words[0])
      assert.ok(verb, `${text}: there is no such verb`)
      const { flags, baseFlags } = await verb.load()
      const known = { ...flags, ...baseFlags }
      for (const word of words) {
        const [, long, short] = /^(?:--([a-z][-a-z]*)|-([a-zA-Z]))(?:=|$)/.exec(word) ?? []
        if (long !== undefined) assert.ok(Object.hasOwn(known, long), `${text}: there is no --${long}`)
        if (short !== undefined)
          assert.ok(
            Object.values(known).some(({ char }) => char === short),
            `${text}: there is no -${short}`,
          )
      }
    }
  })

test.run()
