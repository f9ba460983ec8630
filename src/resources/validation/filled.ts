/**
 * Which members of a value its kind's defaults were filled into, as text: `spec{replicas,template{ports{0{protocol}}}}`. With it
 * the value can be had again as it was before.
 */
import { isObject, setMember } from '../../core/json.ts'

/** Takes down what is filled in, on the way through the value. */
export class FilledNotes {
  readonly #pieces: string[] = []
  /** The members that the way leads through, those of them that are written down first. */
  readonly #way: (string | number)[] = []
  #written = 0
  /** True where the next name needs a comma before it. */
  #follows = false

  enter(key: string | number): void {
    this.#way.push(key)
  }

  leave(): void {
    this.#way.pop()
    if (this.#written <= this.#way.length) return
    this.#written--
    this.#pieces.push('}')
    this.#follows = true
  }

  filled(key: string): void {
    while (this.#written < this.#way.length) {
      this.#name(this.#way[this.#written++]!)
      this.#pieces.push('{')
      this.#follows = false
    }
    this.#name(key)
    this.#follows = true
  }

  /** Empty where nothing was filled in. */
  toString(): string {
    return this.#pieces.join('')
  }

  #name(key: string | number): void {
    if (this.#follows) this.#pieces.push(',')
    this.#pieces.push(typeof key === 'number' ? String(key) : nameOf(key))
  }
}

const PLAIN = /^[\w-]+$/

function nameOf(key: string): string {
  return PLAIN.test(key) ? key : JSON.stringify(key)
}

/** A name, with a brace where it is not itself what was filled in but what it is in. */
const TOKEN = /(?:([\w-]+)|("(?:[^"\\]|\\.)*"))(\{?)|\}|,/g

/** `value` without what `notes` (the text of FilledNotes) says was filled in. What is not there any more is passed over. */
export function withoutFilled(value: unknown, notes: string): unknown {
  const tokens = notes.matchAll(TOKEN)
  return strip(value, tokens)
}

function strip(value: unknown, tokens: Iterator<RegExpMatchArray>): unknown {
  let copy: unknown[] | Record<string, unknown> | undefined
  const own = () => {
    copy ??= Array.isArray(value) ? [...value] : { ...(value as Record<string, unknown>) }
    return copy as Record<string, unknown>
  }
  for (let token = tokens.next(); token.done !== true && token.value[0] !== '}'; token = tokens.next()) {
    const [, plain, quoted, brace] = token.value
    const key = plain ?? (quoted === undefined ? undefined : String(JSON.parse(quoted)))
    if (key === undefined) continue
    const isThere = (isObject(value) || Array.isArray(value)) && Object.hasOwn(value, key)
    const member = isThere ? (value as Record<string, unknown>)[key] : undefined
    if (brace === '{') {
      const inner = strip(member, tokens)
      if (isThere && inner !== member) setMember(own(), key, inner)
    } else if (isThere) delete own()[key]
  }
  return copy ?? value
}
