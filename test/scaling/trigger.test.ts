/** One trigger at work: what it keeps open, and what it lets go of. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ScaledObject } from '../../src/resources/generated/types.ts'
import type { TriggerInput } from '../../src/scaling/decision.ts'
import { type OpenTrigger, Trigger } from '../../src/scaling/trigger.ts'

const OBJECT = { metadata: { name: 'web' } } as ScaledObject
const READ: TriggerInput = {
  reading: { kind: 'values', metrics: [{ name: '', value: 1 }], active: true },
  readAtMs: 0,
  error: undefined,
  failures: 0,
}

/** Sources whose events come by themselves, and how many listen to them. */
function pushed() {
  const stage = { opened: 0, listening: 0 }
  const open: OpenTrigger = async () => {
    stage.opened++
    return {
      poll: async () => READ,
      facts: () => ({ tookMs: 1, code: undefined }),
      listen: (_listener, signal) => {
        stage.listening++
        return new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => {
            stage.listening--
            resolve()
          })
        })
      },
      close: async () => {},
    }
  }
  return { stage, open }
}

const spec = { type: 'webhook', metadata: {}, useCachedMetrics: false }

test('listens to one source, however often it was opened anew', async () => {
  const { stage, open } = pushed()
  const trigger = new Trigger(0, 'hook', spec, { open, onEvent: () => {} })
  for (let count = 0; count < 5; count++) {
    await trigger.look(OBJECT, 0)
    await trigger.reopen()
  }
  await trigger.look(OBJECT, 0)
  assert.equal(stage, { opened: 6, listening: 1 })
  await trigger.close()
  assert.is(stage.listening, 0)
})

test.run()
