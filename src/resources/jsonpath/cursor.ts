/** Reads a JSONPath template character by character. */

/** Position is an offset into the template; parse.ts makes a user's error of it. */
export class JsonPathSyntaxError extends Error {
  readonly at: number

  constructor(message: string, at: number) {
    super(message)
    this.at = at
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
  a: '\x07',
}

export class Cursor {
  readonly #text: string
  at = 0

  constructor(text: string) {
    this.#text = text
  }

  get done(): boolean {
    return this.at >= this.#text.length
  }

  /** The next character, empty at the end. */
  get peek(): string {
    return this.#text[this.at] ?? ''
  }

  take(text: string): boolean {
    if (!this.#text.startsWith(text, this.at)) return false
    this.at += text.length
    return true
  }

  /** Takes a whole word: `end` is not taken of `endpoint`. */
  takeWord(word: string): boolean {
    if (!this.#text.startsWith(word, this.at)) return false
    const next = this.#text[this.at + word.length] ?? ''
    if (next !== '' && !/[\s}$.@[]/.test(next)) return false
    this.at += word.length
    return true
  }

  expect(text: string, purpose: string): void {
    if (!this.take(text)) this.failUnexpected(`${text} ${purpose}`)
  }

  until(stop: string): string {
    const found = this.#text.indexOf(stop, this.at)
    const text = this.#text.slice(this.at, found < 0 ? undefined : found)
    this.at = found < 0 ? this.#text.length : found
    return text
  }

  skipSpace(): void {
    while (/\s/.test(this.peek)) this.at++
  }

  startsName(): boolean {
    return this.peek === '\\' || /[^\s.[\](){}'",@$*?:=!<>&|\\]/.test(this.peek)
  }

  /** A field's name; a backslash takes the next character as it is: `\.`. */
  name(): string {
    let name = ''
    for (;;) {
      if (this.take('\\')) {
        if (this.done) this.fail('a backslash needs a character after it')
        name += this.peek
        this.at++
      } else if (/[^\s.[\](){}'",=!<>&|]/.test(this.peek)) {
        name += this.peek
        this.at++
      } else break
    }
    if (name === '') this.failUnexpected('a name')
    return name
  }

  /** Quoted text with Go's escapes. */
  quoted(): string {
    const openedAt = this.at
    const quote = this.peek
    this.at++
    let text = ''
    while (!this.take(quote)) {
      if (this.done) this.fail(`the ${quote} is not closed`, openedAt)
      if (this.take('\\')) text += this.#escape(openedAt)
      else {
        text += this.peek
        this.at++
      }
    }
    return text
  }

  #escape(openedAt: number): string {
    if (this.done) this.fail('the quoted text is not closed', openedAt)
    const letter = this.peek
    this.at++
    if (letter !== 'u' && letter !== 'x') return ESCAPES[letter] ?? letter
    const digits = this.#text.slice(this.at, this.at + (letter === 'u' ? 4 : 2))
    if (!/^[0-9a-fA-F]+$/.test(digits) || digits.length < (letter === 'u' ? 4 : 2))
      this.fail(`\\${letter} needs ${letter === 'u' ? 4 : 2} hexadecimal digits`)
    this.at += digits.length
    return String.fromCharCode(Number.parseInt(digits, 16))
  }

  /** Undefined where there is none. */
  integer(): number | undefined {
    const match = /^[-+]?\d+/.exec(this.#text.slice(this.at, this.at + 20))
    if (match === null) {
      if (/[-+]/.test(this.peek)) this.failUnexpected('a number')
      return undefined
    }
    this.at += match[0].length
    return Number(match[0])
  }

  /** A number as in a filter, decimals and exponent included; undefined where there is none. */
  number(): number | undefined {
    const match = /^[-+]?\d+(\.\d+)?([eE][-+]?\d+)?/.exec(this.#text.slice(this.at, this.at + 40))
    if (match === null) return undefined
    this.at += match[0].length
    return Number(match[0])
  }

  fail(message: string, at = this.at): never {
    throw new JsonPathSyntaxError(message, at)
  }

  failUnexpected(wanted: string): never {
    this.fail(
      this.done
        ? `it ends where ${wanted} is wanted`
        : `${wanted} is wanted, not ${JSON.stringify(this.peek)}`,
    )
  }
}
