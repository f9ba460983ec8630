/**
 * A command as the one line of text that an SSH server hands to the user's login shell, whatever shell that is. Pure.
 *
 * What all shells agree on is little: words of printable ASCII in single quotes, as long as there is no quote, backslash or exclamation mark in them
 * (fish reads backslashes there, csh exclamation marks and ends of lines). So the login shell only ever sees such words, and starts /bin/sh with
 * them. Words that hold more travel in octal, which sh's printf undoes.
 */
import type { Command } from '../transport.ts'

const BARE = /^[A-Za-z0-9_./:@+,-][A-Za-z0-9_./:=@%+,-]*$/
const SAFE_IN_QUOTES = /^[ "-&(-[\]-~]*$/

/**
 * The line says first, on stderr, under which process id, and so in which process group, the command runs; then it becomes the command.
 * @param marker what stands before that id; letters, digits and colons
 */
export function commandLine({ argv, env = {} }: Command, marker: string): string {
  const words = [...Object.values(env), ...argv]
  const isSafe = words.every((word) => SAFE_IN_QUOTES.test(word))
  const given = isSafe ? words : [octal(setting(words.map((word) => Buffer.from(word))))]
  const script = [
    'echo "$0$$" >&2',
    ...(isSafe ? [] : ['eval "$(printf "$1")"']),
    ...Object.keys(env).map((name) => `export ${name}="$1"; shift`),
    'exec "$@"',
  ]
  return ['exec /bin/sh -c', `'${script.join('; ')}'`, marker, ...given.map(shown)].join(' ')
}

function shown(word: string): string {
  return BARE.test(word) ? word : `'${word}'`
}

/** `set -- 'a' 'b'`, in single quotes of sh. */
export function setting(words: readonly Uint8Array[]): Buffer {
  const quoted = words.map((word) => Buffer.from(word).toString('latin1').replaceAll("'", `'\\''`))
  return Buffer.from(`set -- ${quoted.map((word) => `'${word}'`).join(' ')}`, 'latin1')
}

/** Every byte that is no letter or digit as `\ooo`. */
export function octal(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('latin1')
    .replace(/[^A-Za-z0-9]/g, (byte) => `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`)
}
