/**
 * Real parts that a test needs. On a laptop a missing one is a counted skip; with NSCTL_TEST_REQUIRE_ALL=1 (CI) it is a
 * failure.
 */
import type { Test } from 'uvu'

/** `test`, or its `skip` where the part is missing: `needs(test, isRoot(), 'root')('binds port 80', …)`. */
export function needs(test: Test, present: boolean, part: string): Test | Test['skip'] {
  if (present) return test
  if (process.env.NSCTL_TEST_REQUIRE_ALL === '1')
    throw new Error(`this test needs ${part}, which is not here`)
  console.log(`skipping: needs ${part}`)
  return test.skip
}
