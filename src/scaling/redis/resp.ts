/** Redis' protocol (RESP2, https://redis.io/docs/latest/develop/reference/protocol-spec/), as much as questions for numbers take. Pure. */
import { MAX_ANSWER_BYTES, TOO_LONG } from '../wire.ts'

export type Reply = string | number | null | readonly Reply[] | RedisRefusal

/** What a server answers in place of what was asked for: `WRONGTYPE Operation against …`. */
export class RedisRefusal extends Error {
  override name = 'RedisRefusal'
}

const MAX_ITEMS = 2 ** 16
const MAX_DEPTH = 8

export function encodeCommand(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`
}

/** The first reply in `bytes` and where it ends; undefined where it is not all there yet. Throws for what is no reply. */
export function readReply(bytes: Buffer): { readonly frame: Reply; readonly end: number } | undefined {
  const reader = new Reader(bytes)
  const reply = reader.reply(0)
  return reply === undefined ? undefined : { frame: reply, end: reader.at }
}

class Reader {
  at = 0
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  reply(depth: number): Reply | undefined {
    const line = this.#line()
    if (line === undefined) return undefined
    const rest = line.slice(1)
    switch (line[0]) {
      case '+':
        return rest
      case '-':
        return new RedisRefusal(rest)
      case ':':
        return whole(rest)
      case '$':
        return this.#bulk(whole(rest))
      case '*':
        return this.#array(whole(rest), depth)
      default:
        throw new Error('its answer is not in the protocol of redis')
    }
  }

  #line(): string | undefined {
    const end = this.#bytes.indexOf('\r\n', this.at)
    // what cannot become a reply is seen at its first byte
    if (
      this.at < this.#bytes.length &&
      !'+-:$*'.includes(String.fromCharCode(this.#bytes[this.at] as number))
    )
      throw new Error('its answer is not in the protocol of redis')
    if (end < 0) return undefined
    const line = this.#bytes.toString('utf8', this.at, end)
    this.at = end + 2
    return line
  }

  #bulk(length: number): string | null | undefined {
    if (length === -1) return null
    if (length < 0 || length > MAX_ANSWER_BYTES) throw new Error(TOO_LONG)
    const end = this.at + length
    if (this.#bytes.length < end + 2) return undefined
    if (this.#bytes.toString('latin1', end, end + 2) !== '\r\n')
      throw new Error('its answer is not in the protocol of redis')
    const text = this.#bytes.toString('utf8', this.at, end)
    this.at = end + 2
    return text
  }

  #array(count: number, depth: number): readonly Reply[] | null | undefined {
    if (count === -1) return null
    if (count < 0 || count > MAX_ITEMS || depth >= MAX_DEPTH) throw new Error(TOO_LONG)
    const items: Reply[] = []
    for (let i = 0; i < count; i++) {
      const item = this.reply(depth + 1)
      if (item === undefined) return undefined
      items.push(item)
    }
    return items
  }
}

function whole(text: string): number {
  if (!/^-?[0-9]{1,19}$/.test(text)) throw new Error('its answer is not in the protocol of redis')
  return Number(text)
}
