/** The flags that say what a Config or a Secret is to hold, and what they come to. */
import * as Flags from '@oclif/core/flags'
import { type LiteralValue, readLiterals } from '../client/literals.ts'
import type { CommandContext } from './context.ts'

const several = { multiple: true, multipleNonGreedy: true } as const

export const valueFlags = {
  'from-literal': Flags.string({
    ...several,
    helpValue: 'KEY=VALUE',
    summary: 'A key and its value, as typed.',
  }),
  'from-file': Flags.string({
    ...several,
    helpValue: '[KEY=]PATH',
    summary:
      'A file, or each file of a folder; its name is the key unless one is given. - is standard input.',
  }),
  'from-env-file': Flags.string({
    ...several,
    helpValue: 'PATH',
    summary: 'A file of lines KEY=VALUE; - is standard input.',
  }),
}

export interface ValueFlags {
  readonly 'from-literal'?: readonly string[] | undefined
  readonly 'from-file'?: readonly string[] | undefined
  readonly 'from-env-file'?: readonly string[] | undefined
}

/** Of a Secret also what others have sealed. */
export const secretValueFlags = {
  ...valueFlags,
  'from-sops': Flags.string({
    ...several,
    helpValue: 'FILE',
    summary: 'A file of sops that is encrypted with age: its keys and values.',
  }),
  'from-agenix': Flags.string({
    ...several,
    helpValue: 'KEY=FILE',
    summary: 'A value that agenix, or age itself, has encrypted.',
  }),
}

export interface SecretValueFlags extends ValueFlags {
  readonly 'from-sops'?: readonly string[] | undefined
  readonly 'from-agenix'?: readonly string[] | undefined
}

/** All that the flags name. Throws as `readLiterals` does. */
export function valuesOf(given: ValueFlags, context: CommandContext): Promise<readonly LiteralValue[]> {
  return readLiterals(
    {
      fromLiteral: given['from-literal'] ?? [],
      fromFile: given['from-file'] ?? [],
      fromEnvFile: given['from-env-file'] ?? [],
    },
    { cwd: context.cwd, env: context.env, readStdin: () => context.readStdin() },
  )
}

/** What is said to who types a secret as an argument. */
export const ARGUMENTS_ARE_SEEN =
  'warning: what is typed as --from-literal is seen in lists of processes and stays in the shell’s history: --from-file KEY=- reads standard input'
