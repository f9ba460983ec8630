import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { flagTexts, overview } from '../../src/commands/help.ts'
import { VERBS } from '../../src/commands/table.ts'

for (const verb of VERBS) {
  test(`${verb.name} says of itself what the table says`, async () => {
    const command = await verb.load()
    assert.is(command.summary, verb.summary)
    assert.not.match(verb.summary, /\.$/)
  })

  test(`${verb.name} explains every flag and argument`, async () => {
    const command = await verb.load()
    for (const { label, summary } of flagTexts({ ...command.flags, ...command.baseFlags }))
      assert.ok(summary.length > 0, `${label} has no summary`)
    for (const [name, arg] of Object.entries(command.args))
      assert.ok((arg.description ?? '').length > 0, `${name} has no description`)
  })

  test(`${verb.name} reads no argument from standard input`, async () => {
    const command = await verb.load()
    for (const [name, arg] of Object.entries(command.args)) assert.is(arg.ignoreStdin, true, name)
  })

  if (!verb.isHidden)
    test(`${verb.name} has examples of itself`, async () => {
      const command = await verb.load()
      const examples = (command.examples ?? []).map(String)
      assert.ok(
        examples.some((example) => example.includes(`nsctl ${verb.name}`)),
        examples.join('\n'),
      )
    })
}

test('the overview names every verb that is for people', () => {
  const text = overview()
  for (const { name, isHidden } of VERBS) assert.is(text.includes(`\n  ${name} `), !isHidden, name)
})

test('no flag has the letter of another in one verb', async () => {
  for (const verb of VERBS) {
    const command = await verb.load()
    const letters = Object.values({ ...command.flags, ...command.baseFlags }).flatMap(
      (flag) => flag.char ?? [],
    )
    assert.is(new Set(letters).size, letters.length, `${verb.name}: ${letters.join(' ')}`)
  }
})

test.run()
