/** `key=value` and `key-`, as label and annotate take them. Pure. */
import { NsctlError } from '../core/errors.ts'
import { formatPath } from '../core/json.ts'

export interface MetadataEdits {
  readonly set: Readonly<Record<string, string>>
  readonly remove: readonly string[]
}

export interface SplitWords {
  /** The words that name objects. */
  readonly targets: readonly string[]
  /** The words that name changes. */
  readonly edits: readonly string[]
}

/** Edits stand behind the objects: from the first word that sets or removes something. */
export function splitEdits(words: readonly string[]): SplitWords {
  const at = words.findIndex((word, i) => i > 0 && (word.includes('=') || word.endsWith('-')))
  return at === -1 ? { targets: words, edits: [] } : { targets: words.slice(0, at), edits: words.slice(at) }
}

/** Reads edits. Usage where a word is none, or sets and removes the same key. */
export function parseEdits(words: readonly string[], what: 'label' | 'annotation'): MetadataEdits {
  const set: Record<string, string> = {}
  const remove: string[] = []
  for (const word of words) {
    const at = word.indexOf('=')
    if (at > 0) set[word.slice(0, at)] = word.slice(at + 1)
    else if (at === -1 && word.length > 1 && word.endsWith('-')) remove.push(word.slice(0, -1))
    else
      throw new NsctlError(
        'Usage',
        `not ${what === 'label' ? 'a label' : 'an annotation'}: ${JSON.stringify(word)}`,
        {
          value: word,
          next: 'write key=value to set one and key- to remove it',
        },
      )
  }
  const both = remove.find((key) => Object.hasOwn(set, key))
  if (both !== undefined)
    throw new NsctlError('Usage', `${what} ${both} is set and removed at once`, { value: both })
  return { set, remove }
}

/** AlreadyExists where an edit would change a value that is there and --overwrite was not given. */
export function checkOverwrite(
  edits: MetadataEdits,
  present: Readonly<Record<string, string>>,
  object: string,
  what: 'label' | 'annotation',
): void {
  const taken = Object.entries(edits.set).find(
    ([key, value]) => present[key] !== undefined && present[key] !== value,
  )
  if (taken === undefined) return
  throw new NsctlError(
    'AlreadyExists',
    `${object} already has the ${what} ${formatPath([taken[0]])}=${present[taken[0]]}`,
    { value: taken.join('='), next: 'add --overwrite to replace it' },
  )
}
