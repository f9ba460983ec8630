import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { claimMachine, looksFree } from '../../../src/main/agentless/claim.ts'
import { localTransport } from '../../../src/transport/local/transport.ts'

test('a machine is one node of one store, and is refused to every other', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'nsctl-claim-'))
  const transport = localTransport()
  const signal = AbortSignal.timeout(10_000)
  const claim = { stateDir, node: 'n1', storeUrl: 'consul://10.0.0.1:8500/x?token-file=/root/token' }
  const refusal = (wanted: typeof claim) =>
    claimMachine(transport, wanted, signal).then(
      () => '',
      (error: Error) => error.message,
    )
  try {
    assert.is(await looksFree(transport, claim, signal), false)
    await claimMachine(transport, claim, signal)
    await claimMachine(
      transport,
      { ...claim, storeUrl: 'consul://10.0.0.1:8500/x?token-file=/other' },
      signal,
    )
    assert.is(readFileSync(join(stateDir, 'store-url'), 'utf8'), 'consul://10.0.0.1:8500/x\nn1\n')
    assert.is(await looksFree(transport, claim, signal), true)
    const owned = /runs programs as node n1 of the store consul:\/\/10\.0\.0\.1:8500\/x$/
    assert.match(await refusal({ ...claim, node: 'n2' }), owned)
    assert.match(await refusal({ ...claim, storeUrl: 'consul://10.0.0.2:8500/x' }), owned)
    writeFileSync(join(stateDir, 'membership.json'), '{}')
    assert.match(await refusal(claim), /has an agent of its own/)
  } finally {
    await transport.close()
    rmSync(stateDir, { recursive: true })
  }
})

test.run()
