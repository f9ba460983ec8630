/** What `nsctl delete` says of what still needs what it deletes. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openShop, service } from './shop.ts'

const PRIORITY = { kind: 'PriorityClass', metadata: { name: 'high' }, spec: { value: 9 } }
const SAID =
  'warning: priorityclass/high is what service/web (default) names: its instances keep their priority, and none are made until there is a class of that name again'

test('it warns of what names a priority class, and not of what goes with it', async () => {
  const shop = await openShop()
  const run = async (line: string) => {
    const { code, stdout, stderr } = await shop.run(line.split(' '))
    assert.is(code, 0, stderr)
    return { stdout, warnings: stderr.split('\n').filter((text) => text.startsWith('warning')) }
  }
  const placement = { priorityClassName: 'high' }
  const objects = [PRIORITY, service('plain'), service('web', { placement }), service('mail', { placement })]
  for (const object of objects) await shop.apply(object)

  const both = 'delete priorityclass/high service/mail --wait=false'
  for (const line of [`${both} --dry-run`, both]) {
    const { stdout, warnings } = await run(line)
    assert.match(stdout, 'priorityclass/high deleted')
    assert.equal(warnings, [SAID])
  }
  await shop.apply(PRIORITY)
  await run('delete service/web --wait=false')
  assert.equal((await run('delete priorityclass/high --wait=false')).warnings, [])
})

test.run()
