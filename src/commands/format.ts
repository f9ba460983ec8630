/** -o of the verbs that show objects: everything that views know, and templates that lie in a file. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { messageOf, NsctlError } from '../core/errors.ts'
import { type OutputFormat, parseFormat } from '../views/output.ts'
import type { CommandContext } from './context.ts'

const IN_A_FILE = /^(jsonpath|custom-columns)-file=(.*)$/s

/** What -o says. Usage where it is no format, Invalid where its file cannot be read. */
export function readFormat(text: string | undefined, context: Pick<CommandContext, 'cwd'>): OutputFormat {
  const [, name, file] = IN_A_FILE.exec(text ?? '') ?? []
  if (name === undefined || file === undefined) return parseFormat(text)
  try {
    return parseFormat(`${name}=${readFileSync(resolve(context.cwd, file), 'utf8').trimEnd()}`)
  } catch (error) {
    if (error instanceof NsctlError) throw error
    throw new NsctlError('Invalid', `the template ${file} cannot be read: ${messageOf(error)}`, {
      value: file,
      cause: error,
    })
  }
}
