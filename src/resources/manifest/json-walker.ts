/** Finds places in JSON text that JSON.parse has accepted. Slow and simple: it runs only when there is an error to show. */
import type { Path } from '../../core/json.ts'
import type { TextRange } from './fault.ts'

/** `owner` tells objects apart: where theirs opens. */
type MemberVisitor = (key: string, range: TextRange, owner: number) => void

export class JsonWalker {
  readonly #text: string
  #at: number

  constructor(text: string, start: number) {
    this.#text = text
    this.#at = start
  }

  find(path: Path, onKey: boolean): TextRange {
    let place = this.#peekValue()
    for (const [depth, step] of path.entries()) {
      const found = this.#enter(step)
      if (found === undefined) return place
      const last = depth === path.length - 1
      place = found.key !== undefined && (onKey || !last) ? found.key : this.#peekValue()
    }
    return place
  }

  /** Calls back for every member: its key, where the key stands, and which object it belongs to. */
  visitMembers(visit: MemberVisitor): void {
    this.#value(visit)
  }

  /** Moves to the member or item `step` of the value that starts here. */
  #enter(step: string | number): { readonly key?: TextRange } | undefined {
    this.#blank()
    const open = this.#text[this.#at]
    if (open !== (typeof step === 'number' ? '[' : '{')) return undefined
    this.#at++
    for (let index = 0; ; index++) {
      this.#blank()
      if (this.#text[this.#at] === ',') this.#at++
      this.#blank()
      if (this.#at >= this.#text.length || '}]'.includes(this.#text[this.#at]!)) return undefined
      if (typeof step === 'number') {
        if (index === step) return {}
      } else {
        const { key, range } = this.#key()
        if (key === step) return { key: range }
      }
      this.#value()
    }
  }

  #key(): { readonly key: string; readonly range: TextRange } {
    const start = this.#at
    this.#string()
    const range = { start, end: this.#at }
    const key = JSON.parse(this.#text.slice(start, this.#at)) as string
    this.#blank()
    this.#at++ // the colon
    return { key, range }
  }

  #peekValue(): TextRange {
    this.#blank()
    const start = this.#at
    if ('{['.includes(this.#text[start] ?? '')) return { start, end: start + 1 }
    this.#value()
    const range = { start, end: this.#at }
    this.#at = start
    return range
  }

  #value(visit?: MemberVisitor): void {
    this.#blank()
    const open = this.#text[this.#at]
    if (open === '"') this.#string()
    else if (open === '{' || open === '[') this.#collection(open, visit)
    else while (this.#at < this.#text.length && !/[\s,\]}]/.test(this.#text[this.#at]!)) this.#at++
  }

  #collection(open: string, visit?: MemberVisitor): void {
    const owner = this.#at++
    for (;;) {
      this.#blank()
      const next = this.#text[this.#at]
      if (next === ',') this.#at++
      else if (next === '}' || next === ']' || next === undefined) break
      else {
        if (open === '{') {
          const { key, range } = this.#key()
          visit?.(key, range, owner)
        }
        this.#value(visit)
      }
    }
    this.#at++
  }

  #string(): void {
    this.#at++
    while (this.#at < this.#text.length && this.#text[this.#at] !== '"')
      this.#at += this.#text[this.#at] === '\\' ? 2 : 1
    this.#at++
  }

  #blank(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++
  }
}

/** The first key that its object has twice, or the first `wanted` key at all. */
export function findDuplicate(
  text: string,
  start: number,
  wanted: string | undefined,
): { readonly key: string; readonly second: TextRange; readonly firstText: string } {
  const seen = new Map<number, Map<string, TextRange>>()
  let found: { key: string; second: TextRange; firstText: string } | undefined
  new JsonWalker(text, start).visitMembers((key, range, owner) => {
    const keys = seen.get(owner) ?? new Map<string, TextRange>()
    seen.set(owner, keys)
    const first = keys.get(key)
    keys.set(key, range)
    if (found === undefined && (wanted === undefined ? first !== undefined : key === wanted))
      found = {
        key,
        second: range,
        firstText: first === undefined ? '' : `first in line ${lineAt(text, first.start)}`,
      }
  })
  return found ?? { key: '', second: { start, end: start + 1 }, firstText: '' }
}

export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
