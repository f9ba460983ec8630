/** The words of a command line before oclif's parser sees them: which verb, and what kubectl's users write that oclif does not know. */

/** What this needs to know of a flag's definition. */
export interface FlagShape {
  readonly type: 'boolean' | 'option'
  readonly char?: string
  readonly aliases?: readonly string[]
  /** The value that `--flag` alone stands for. */
  readonly bare?: string
  /** `--no-flag` is understood. */
  readonly allowNo?: boolean
}

export type FlagShapes = Readonly<Record<string, FlagShape>>

export interface SplitArgv {
  /** The longest known verb, `rollout status`; undefined where there is none. */
  readonly verb: string | undefined
  /** The first word that is no flag, known or not. */
  readonly first: string | undefined
  /** Everything else, in order; flags before the verb come first. */
  readonly rest: readonly string[]
}

/** Finds the verb. Global flags may stand before it: `nsctl -n shop get svc`. */
export function splitVerb(
  argv: readonly string[],
  verbs: ReadonlySet<string>,
  globals: FlagShapes,
): SplitArgv {
  const before: string[] = []
  let at = 0
  for (; at < argv.length; at++) {
    const word = argv[at]!
    if (word === '--' || !word.startsWith('-') || word === '-') break
    before.push(word)
    if (takesNextWord(word, globals)) {
      at++
      if (at < argv.length) before.push(argv[at]!)
    }
  }
  const first = argv[at]
  if (first === undefined) return { verb: undefined, first: undefined, rest: before }
  const second = argv[at + 1]
  if (second !== undefined && verbs.has(`${first} ${second}`))
    return { verb: `${first} ${second}`, first, rest: [...before, ...argv.slice(at + 2)] }
  return { verb: verbs.has(first) ? first : undefined, first, rest: [...before, ...argv.slice(at + 1)] }
}

function takesNextWord(word: string, flags: FlagShapes): boolean {
  if (word.includes('=')) return false
  const flag = word.startsWith('--') ? findLong(word.slice(2), flags) : findShort(word.slice(1), flags)
  return flag?.type === 'option' && flag.bare === undefined
}

/** The words that are neither flags nor their values; all that follows `--` is. */
export function argumentsOf(words: readonly string[], flags: FlagShapes): readonly string[] {
  const found: string[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!
    if (word === '--') return [...found, ...words.slice(at + 1)]
    if (!word.startsWith('-') || word === '-') found.push(word)
    else if (takesNextWord(word, flags)) at++
  }
  return found
}

/**
 * Rewrites what oclif's parser would refuse: `--wait=false` → `--no-wait`, `--watch=true` → `--watch`, and
 * `--dry-run` → `--dry-run=client`. Words after `--` stay as they are.
 */
export function normalizeArgv(argv: readonly string[], flags: FlagShapes): readonly string[] {
  const words: string[] = []
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!
    if (word === '--') return [...words, ...argv.slice(at)]
    words.push(...normalizeWord(word, flags))
    if (word.startsWith('-') && takesNextWord(word, flags) && at + 1 < argv.length) words.push(argv[++at]!)
  }
  return words
}

function normalizeWord(word: string, flags: FlagShapes): readonly string[] {
  const match = /^--([^=]+)(?:=(.*))?$/s.exec(word)
  if (match?.[1] === undefined) return [word]
  const flag = findLong(match[1], flags)
  if (flag === undefined) return [word]
  if (flag.type === 'boolean' && match[2] !== undefined) {
    if (/^(true|t|1|yes)$/i.test(match[2])) return [`--${match[1]}`]
    if (/^(false|f|0|no)$/i.test(match[2])) return flag.allowNo === true ? [`--no-${match[1]}`] : []
  }
  if (flag.type === 'option' && flag.bare !== undefined && match[2] === undefined)
    return [`--${match[1]}=${flag.bare}`]
  return [word]
}

function findLong(name: string, flags: FlagShapes): FlagShape | undefined {
  return flags[name] ?? Object.values(flags).find((flag) => flag.aliases?.includes(name))
}

function findShort(letters: string, flags: FlagShapes): FlagShape | undefined {
  return letters.length === 1 ? Object.values(flags).find((flag) => flag.char === letters) : undefined
}

/** True where an error should be printed as JSON: `-o json`, also where the rest of the line is wrong. */
export function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  const words = end === -1 ? argv : argv.slice(0, end)
  return words.some((word, at) => {
    if (word === '-o' || word === '--output') return words[at + 1] === 'json'
    return /^(-o=?|--output=)json$/.test(word)
  })
}
