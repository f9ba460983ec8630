/** What holds for a command whatever carries it. Pure. */
import { NsctlError } from '../core/errors.ts'
import { type Command, MAX_COMMAND_BYTES } from './transport.ts'

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/

/** @throws NsctlError Invalid, TooLarge */
export function assertCommand({ argv, env = {} }: Command): void {
  const [program] = argv
  const texts = [...argv, ...Object.values(env)]
  if (program === '')
    throw new NsctlError('Invalid', 'a command needs a program, and its first word is empty')
  // a NUL ends a word for the kernel, and half a surrogate pair has no UTF-8: both would arrive as something else
  if (texts.some((text) => text.includes('\0') || !text.isWellFormed()))
    throw new NsctlError('Invalid', `the command ${program} has a word that no argument can hold`, {
      next: 'give binary input through stdin',
    })
  for (const name of Object.keys(env))
    if (!VARIABLE.test(name))
      throw new NsctlError('Invalid', `${JSON.stringify(name)} is no name of a variable`, { value: name })
  const bytes = [...texts, ...Object.keys(env)].reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0)
  if (bytes > MAX_COMMAND_BYTES)
    throw new NsctlError(
      'TooLarge',
      `the command ${program} has ${bytes} bytes of words and variables, more than ${MAX_COMMAND_BYTES}`,
      { value: bytes, next: 'give long input through stdin, or put it into a file first' },
    )
}

/** @throws NsctlError Invalid */
export function assertPath(path: string): void {
  if (!path.startsWith('/') || path.endsWith('/') || path.includes('\0') || !path.isWellFormed())
    throw new NsctlError('Invalid', `${JSON.stringify(path)} is no absolute path of a file`, { value: path })
}
