/** Reads a tar archive as it comes. */
import {
  BLOCK_BYTES,
  broken,
  type Entry,
  type Overrules,
  type Owner,
  paddingOf,
  readHeader,
  readPax,
} from './header.ts'

export interface EntryWithContent extends Entry, Owner {
  /** Of a file; to be read before the next entry is, or skipped. */
  readonly content: AsyncIterable<Buffer>
}

/** Names and such are no longer. */
const MAX_HEADER_BYTES = 1024 * 1024

/** Ends with the archive's own end. @throws NsctlError Failed for what is not whole */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<EntryWithContent> {
  const bytes = new Bytes(source)
  let overrules: Overrules = {}
  for (;;) {
    const block = await bytes.exactly(BLOCK_BYTES)
    if (block.every((byte) => byte === 0)) break
    const entry = readHeader(block, overrules)
    if (entry.flag === 'x' || entry.flag === 'L' || entry.flag === 'K') {
      if (entry.bytes > MAX_HEADER_BYTES) throw broken('a name is too long')
      const content = (await bytes.exactly(entry.bytes + paddingOf(entry.bytes))).subarray(0, entry.bytes)
      const name = content.toString('utf8').replace(/\0.*$/s, '')
      const more =
        entry.flag === 'x' ? readPax(content) : { [entry.flag === 'L' ? 'path' : 'linkpath']: name }
      overrules = { ...overrules, ...more }
      continue
    }
    overrules = {}
    let left = entry.bytes
    const content = async function* () {
      while (left > 0) {
        const part = await bytes.some(left)
        left -= part.length
        yield part
      }
    }
    // those of all entries to come say nothing that is looked at here
    if (entry.flag !== 'g') yield { ...entry, content: content() }
    while (left > 0) left -= (await bytes.some(left)).length
    await bytes.exactly(paddingOf(entry.bytes))
  }
  await bytes.toEnd()
}

class Bytes {
  readonly #source: AsyncIterator<Uint8Array>
  #rest: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** At least one byte, and at most so many. */
  async some(most: number): Promise<Buffer> {
    if (this.#rest.length === 0 && !(await this.#more())) throw broken('it ends too early')
    const part = this.#rest.subarray(0, most)
    this.#rest = this.#rest.subarray(part.length)
    return part
  }

  async exactly(count: number): Promise<Buffer> {
    while (this.#rest.length < count) if (!(await this.#more())) throw broken('it ends too early')
    const part = this.#rest.subarray(0, count)
    this.#rest = this.#rest.subarray(count)
    return part
  }

  /** What stands behind the end is dropped. */
  async toEnd(): Promise<void> {
    do this.#rest = Buffer.alloc(0)
    while (await this.#more())
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#source.next()
    if (done === true) return false
    this.#rest = this.#rest.length === 0 ? Buffer.from(value) : Buffer.concat([this.#rest, value])
    return true
  }
}
