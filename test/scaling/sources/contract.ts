/**
 * The contract of src/scaling/source.ts as tests, for every source that looks at a server: with the real one behind it.
 *
 *     sourceContract({ name: 'redis', module: new URL('…/sources/redis.ts', import.meta.url), type: async () => (await import('…')).redisSource,
 *       present: canFetchDebs(), part: 'Debian packages',
 *       start: async () => ({ trigger, activation, set, gate, wrongCredentials, secrets, stop }) })
 *
 * Runs as a suite of its own: the file needs no `test.run()` of its own unless it has more tests.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { SourceType } from '../../../src/scaling/source.ts'
import { needs } from '../../parts.ts'
import { type Of, OpenBench, packagesLoadedBy } from './contract/bench.ts'
import { closing, faults, gateFaults } from './contract/faults.ts'
import type { Outside, SourceSubject } from './contract/subject.ts'
import { refusals, values } from './contract/values.ts'

export { numberOf, read, until } from './contract/bench.ts'
export type { Outside, SourceSubject } from './contract/subject.ts'

/** Registers the contract and runs it. */
export function sourceContract(subject: SourceSubject): void {
  const contract = suite(`source ${subject.name}`)
  let outside: Outside | undefined
  let type: SourceType | undefined
  if (subject.present) {
    contract.before(async () => {
      outside = await subject.start()
      type = await subject.type()
    })
    contract.after(async () => outside?.stop())
  }
  const of: Of = (what, run) =>
    needs(
      contract,
      subject.present,
      subject.part,
    )(`${subject.name}: ${what}`, async () => {
      if (outside === undefined || type === undefined) throw new Error('it was not started')
      const bench = new OpenBench(outside, type)
      try {
        await run(bench)
      } finally {
        await bench.close()
      }
    })

  of('loads no package before it is opened', async () => {
    assert.equal(await packagesLoadedBy(subject.module), [])
  })
  values(of)
  refusals(of)
  faults(of)
  gateFaults(of)
  closing(of)
  contract.run()
}
