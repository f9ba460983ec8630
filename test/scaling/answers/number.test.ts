import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import { type AnswerFormat, compileAnswer } from '../../../src/scaling/answers/number.ts'

const JSON_BODY =
  '{"components":[{"id": "82328e93e", "tasks": 32, "str": "64", "k":"1k","wrong":"NaN","on":true}],"count":2.43,"none":null}'
const YAML_BODY = '{components: [{id: 82328e93e, tasks: 32, str: "64", k: 1k, wrong: NaN}], count: 2.43}'
const XML_BODY =
  '<?xml version="1.0"?><stats><queue name="a">12</queue><queue name="b">7</queue><total><size unit="jobs"> 19 </size></total><k>1k</k></stats>'
const TEXT_BODY = `# HELP backend_queue_size Total number of items
\t# TYPE backend_queue_size counter
\tbackend_queue_size{queueName="zero"} 0
\tbackend_queue_size{queueName="one"} 1
\tbackend_queue_size{queueName="two", instance="random"} 2
\tbackend_queue_size{queueName="two", instance="zero"} 20
\trandom_metric 10`

for (const [format, place, want] of [
  ['json', 'count', 2.43],
  ['json', 'components.0.str', 64],
  ['json', 'components.0.tasks', 32],
  ['json', 'components.0.k', 1000],
  ['json', 'components.#', 1],
  ['json', 'components.0.wrong', undefined],
  ['json', 'components.0.on', undefined],
  ['json', 'components.0', undefined],
  ['json', 'components.#.tasks', undefined],
  ['json', 'none', undefined],
  ['json', 'no.such', undefined],
  ['yaml', 'count', 2.43],
  ['yaml', 'components.0.str', 64],
  ['yaml', 'components.0.tasks', 32],
  ['yaml', 'components.0.k', 1000],
  ['yaml', 'components.0.wrong', undefined],
  ['yaml', 'no.such', undefined],
  ['xml', 'stats.queue.0', 12],
  ['xml', 'stats.queue.1', 7],
  ['xml', 'stats.total.size', 19],
  ['xml', 'stats.total.0.size', 19],
  ['xml', 'stats.k', 1000],
  ['xml', 'stats.total', undefined],
  ['xml', 'stats.queue.2', undefined],
  ['prometheus', 'random_metric', 10],
  ['prometheus', 'backend_queue_size{queueName="one"}', 1],
  ['prometheus', 'backend_queue_size{queueName="zero"}', 0],
  ['prometheus', 'backend_queue_size{queueName="two"}', 2],
  ['prometheus', 'backend_queue_size{queueName="two", instance="zero"}', 20],
  ['prometheus', "backend_queue_size{queueName='two', instance!='random',}", 20],
  ['prometheus', '{__name__="random_metric"}', 10],
  ['prometheus', 'backend_queue_size{queueName="three"}', undefined],
  ['prometheus', 'random', undefined],
] as const)
  test(`${format}: ${place} is ${want}`, async () => {
    const body = { json: JSON_BODY, yaml: YAML_BODY, xml: XML_BODY, prometheus: TEXT_BODY }[format]
    const found = await Promise.resolve(compileAnswer(format, place))
      .then((numberOf) => numberOf(body))
      .catch((error) => {
        assert.ok(isNsctlError(error, 'Invalid'), String(error))
        return undefined
      })
    assert.is(found, want)
  })

for (const place of ['size{queue=test}', 'size{queue=~"a.*"}', '{queue="a"}', 'size{', 'two words', ''])
  test(`prometheus: ${JSON.stringify(place)} is refused when it is opened`, () => {
    assert.throws(
      () => compileAnswer('prometheus', place),
      (error: unknown) => isNsctlError(error, 'Invalid') && error.value === 'valueLocation',
    )
  })

for (const [format, body] of [
  ['json', '{"a":'],
  ['json', ''],
  ['yaml', 'a: [1, 2'],
  ['yaml', 'a: &a [*a, *a]'],
  ['yaml', `a: ${'x'.repeat(200_000)}`],
  ['xml', '<a><b></a>'],
  ['xml', ''],
  ['xml', `<a>${'x'.repeat(200_000)}</a>`],
  [
    'xml',
    '<!DOCTYPE a [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;&l;&l;&l;&l;&l;"><!ENTITY n "&m;&m;&m;&m;&m;&m;&m;&m;">]><a>&n;</a>',
  ],
  ['xml', '<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><a>&f;</a>'],
  ['xml', '<__proto__><a>1</a></__proto__>'],
] as const)
  test(`${format}: ${body.slice(0, 40)} is Invalid`, async () => {
    const error = await Promise.resolve()
      .then(() => compileAnswer(format as AnswerFormat, 'a')(body))
      .catch((thrown) => thrown)
    assert.ok(isNsctlError(error, 'Invalid'), String(error))
  })

test.run()
