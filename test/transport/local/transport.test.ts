import { test } from 'uvu'
import { localTransport } from '../../../src/transport/local/transport.ts'
import { transportContract } from '../contract.ts'

transportContract(
  test,
  'local',
  async () => {
    const transport = localTransport()
    return { transport, dispose: () => transport.close() }
  },
  (dispose) => test.after(dispose),
)

test.run()
