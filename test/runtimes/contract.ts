/**
 * The contract of src/runtimes/runtime.ts as tests, for every runtime. The caller gives a `RuntimeHarness` and calls
 * `test.run()` itself afterwards.
 *
 * The test process must see the programs in /proc (or by `ps`). Programs prove what they do by what they print and by
 * what is seen of them from outside, never by files outside their storage: a hardened runtime forbids those.
 */
import { suite } from 'uvu'
import { besideTests, terminalTests } from './contract/beside.ts'
import { crashTests } from './contract/crash.ts'
import { ContractFixture, type RuntimeHarness } from './contract/fixture.ts'
import { lastingTests } from './contract/lasting.ts'
import { lifeTests } from './contract/life.ts'
import { materialTests } from './contract/materials.ts'
import { reportTests } from './contract/reports.ts'

export type { FullRuntime, RuntimeHarness } from './contract/fixture.ts'

/** Registers and runs the whole contract against the runtime that `harness` makes. */
export function runtimeContract(
  name: string,
  harness: () => Promise<RuntimeHarness>,
  { terminals = true }: { readonly terminals?: boolean } = {},
): void {
  const test = suite<{ fixture: ContractFixture }>(`${name} keeps the runtime contract`)
  test.before(async (context) => {
    context.fixture = await ContractFixture.open(await harness())
  })
  test.after(async (context) => {
    await context.fixture?.dispose()
  })
  lifeTests(test)
  crashTests(test)
  reportTests(test)
  besideTests(test)
  if (terminals) terminalTests(test)
  materialTests(test)
  lastingTests(test)
  test.run()
}
