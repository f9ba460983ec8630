/**
 * Where the store lies among etcd's keys:
 *
 *     <prefix>/format        which format this is
 *     <prefix>/data/<key>    an entry
 *
 * A role that may read and write `<prefix>/` is all that nsctl needs.
 */
import type { KeyRange } from '../keys.ts'
import type { ByteRange } from './messages.ts'

export class Keyspace {
  /** `nsctl/`: with what all begins. */
  readonly root: string
  readonly formatKey: Buffer
  readonly #data: Buffer
  readonly #dataEnd: Buffer

  /** @param prefix without a slash at its end; empty for the whole of an etcd */
  constructor(prefix: string) {
    this.root = prefix === '' ? '' : `${prefix}/`
    this.formatKey = Buffer.from(`${this.root}format`)
    this.#data = Buffer.from(`${this.root}data/`)
    this.#dataEnd = Buffer.from(`${this.root}data0`)
  }

  /** Everything that begins with the prefix. */
  get whole(): ByteRange {
    const zero = Buffer.from([0])
    return this.root === ''
      ? { key: zero, end: zero }
      : { key: Buffer.from(this.root), end: Buffer.from(`${this.root.slice(0, -1)}0`) }
  }

  /** All entries. */
  get data(): ByteRange {
    return { key: this.#data, end: this.#dataEnd }
  }

  keyOf(key: string): Buffer {
    return Buffer.from(`${this.root}data/${key}`)
  }

  /** The store's key of one of etcd's, which must be an entry's. */
  nameOf(key: Buffer): string {
    return key.toString('utf8', this.#data.length)
  }

  rangeOf({ from, to }: KeyRange): ByteRange {
    return { key: this.keyOf(from), end: to === undefined ? this.#dataEnd : this.keyOf(to) }
  }
}
