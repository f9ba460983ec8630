/**
 * Names and ids out of the kernel's own source of randomness, read as a file. It is what node:crypto is seeded from; loading
 * node:crypto, with the streams that it stands on, takes a short command 5 ms.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { type Ids, randomIds, spell } from '../core/ids.ts'

const SOURCE = '/dev/urandom'
/** Enough for the uids of 256 objects, so that an apply of a thousand reads four times. */
const BLOCK_BYTES = 4_096
const UUID_BYTES = 16

/** Ids for this process: from the kernel where it offers randomness as a file, from node:crypto elsewhere. */
export function processIds(): Ids {
  const random = new KernelRandom()
  return {
    uid() {
      const at = random.take(UUID_BYTES)
      return at === undefined ? randomIds.uid() : uuidOf(random.block, at)
    },
    suffix(length) {
      const byteCount = length * 2
      const at = random.take(byteCount)
      return at === undefined
        ? randomIds.suffix(length)
        : spell(random.block.subarray(at, at + byteCount), length)
    },
  }
}

/** Random bytes, read in blocks; none is given out twice. */
class KernelRandom {
  readonly block = Buffer.alloc(BLOCK_BYTES)
  #at = BLOCK_BYTES
  #isThere = true

  /** Where in the block `count` bytes stand, valid until the next call; undefined where the kernel has no such file. */
  take(count: number): number | undefined {
    if (this.#at + count > BLOCK_BYTES && !this.#refill()) return undefined
    const at = this.#at
    this.#at += count
    return at
  }

  #refill(): boolean {
    if (!this.#isThere) return false
    this.#isThere = readWhole(this.block)
    this.#at = 0
    return this.#isThere
  }
}

function readWhole(block: Buffer): boolean {
  let file: number | undefined
  try {
    file = openSync(SOURCE, 'r')
    return readSync(file, block) === block.length
  } catch {
    return false
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

/** A version 4 UUID (RFC 9562, section 5.4) of the 16 random bytes from `at` on, which are changed to carry version and variant. */
export function uuidOf(bytes: Buffer, at = 0): string {
  bytes[at + 6] = (bytes[at + 6]! & 0x0f) | 0x40
  bytes[at + 8] = (bytes[at + 8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex', at, at + UUID_BYTES)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
