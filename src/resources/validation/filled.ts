/**
 * Which members of a value its kind's defaults were filled into, as text: `spec{replicas,template{ports{0{protocol,}}}}`. With it
 * the value can be had again as it was before.
 */
import { isObject, setMember } from '../../core/json.ts'

/** What is filled in, in the order of the way through the value: pieces of the text. */
export type FilledNotes = string[]

/** The piece for a member that was filled in. */
export function filledPiece(key: string): string {
  return `${nameOf(key)},`
}

/** The piece with which the way leads into a member; `leave` leads out again. */
export function enterPiece(key: string | number): string {
  return `${typeof key === 'number' ? key : nameOf(key)}{`
}

/** Ends what `enterPiece` began, or takes it back where nothing was filled in inside. */
export function leave(notes: FilledNotes, enteredAt: number): void {
  if (notes.length === enteredAt + 1) notes.pop()
  else notes.push('}')
}

/** Empty where nothing was filled in. */
export function filledText(notes: FilledNotes): string {
  return notes.join('')
}

const PLAIN = /^[\w-]+$/

/** A name that is not quoted holds no comma and no brace. */
function nameOf(key: string): string {
  return PLAIN.test(key) ? key : JSON.stringify(key)
}

/** A name, with a brace where it is not itself what was filled in but what it is in. */
const TOKEN = /(?:([\w-]+)|("(?:[^"\\]|\\.)*"))(\{?)|\}|,/g

/** `value` without what `text` says was filled in. What is not there any more is passed over. */
export function withoutFilled(value: unknown, text: string): unknown {
  return strip(value, text.matchAll(TOKEN))
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
