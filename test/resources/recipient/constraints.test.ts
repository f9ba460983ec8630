import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatPath } from '../../../src/core/json.ts'
import { createKindRegistry } from '../../../src/resources/registry.ts'

const recipient = createKindRegistry().byKind('Recipient')
await recipient.prepare()

const GOOD = 'age1a8pk4akrdamj7nvqy3zywgtny8dxz7t5xzu7u8v9mhrayp9freqsqatyrs'

for (const [name, key, wanted] of [
  ['an X25519 recipient', GOOD, []],
  [
    'a letter mistyped',
    GOOD.replace('8pk4', '8pk5'),
    ['spec.key: is no recipient: it is mistyped or not whole; age-keygen -y FILE shows it'],
  ],
  [
    'its end missing',
    GOOD.slice(0, -1),
    ['spec.key: is no recipient: it is mistyped or not whole; age-keygen -y FILE shows it'],
  ],
  [
    'a plugin',
    'age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t',
    ['spec.key: is of a kind that nsctl cannot seal to: give an X25519 recipient, as age-keygen makes them'],
  ],
] as const)
  test(`a Recipient with ${name}`, () => {
    const object = {
      apiVersion: 'nsctl.dev/v1alpha1',
      kind: 'Recipient',
      metadata: { name: 'ada' },
      spec: { key, role: 'Operator' },
    }
    assert.equal(
      recipient
        .validate(recipient.withDefaults(object))
        .map(({ path, message }) => `${formatPath(path)}: ${message}`),
      wanted,
    )
  })

test.run()
