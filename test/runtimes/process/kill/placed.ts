/** What is placed, and told whole by one look. */
import type { ProgramId, ProgramMaterial } from '../../../../src/runtimes/runtime.ts'

export const ID: ProgramId = {
  namespace: 'default',
  service: 'web',
  templateHash: 'h3kq9x2mzc',
  ordinal: 0,
  program: '',
}

/** Large enough for a write to be interrupted. */
export const SIZE = 512 * 1024
export const NAMES = ['one', 'two', 'three']

export function version(letter: 'a' | 'b'): ProgramMaterial {
  return {
    credentials: new Map(NAMES.map((name) => [name, Buffer.alloc(SIZE, letter)])),
    environment: new Map([['V', letter.repeat(SIZE)]]),
    folders: new Map(),
  }
}
