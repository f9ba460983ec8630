import * as assert from 'uvu/assert'
import { NsctlError } from '../../src/core/errors.ts'

/** What `promise` is refused with; it must be one of ours. */
export async function faultOf(promise: Promise<unknown>): Promise<NsctlError> {
  try {
    await promise
  } catch (error) {
    assert.instance(error, NsctlError)
    return error as NsctlError
  }
  throw new Error('nothing was thrown')
}
