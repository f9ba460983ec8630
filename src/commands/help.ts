/** Help as text: the overview, a topic's verbs, and one verb from its class's flags, arguments and examples. */
import { NsctlError } from '../core/errors.ts'
import { nearest } from '../core/nearest.ts'
import { wrapText } from '../views/wrap.ts'
import type { CommandClass } from './base.ts'
import { VERBS as ALL_VERBS, type Verb, type VerbGroup } from './table.ts'

const VERBS = ALL_VERBS.filter((verb) => !verb.isHidden)

const GROUPS: readonly (readonly [VerbGroup, string])[] = [
  ['Start', 'Run the control plane'],
  ['Change', 'Change what is wanted'],
  ['Look', 'See what is'],
  ['Roll out', 'Roll out, scale and go back'],
  ['Scale', 'Scale by what is measured'],
  ['Work', 'Work with instances'],
  ['Secrets', 'Keep secrets'],
  ['Context', 'Choose which store to talk to'],
  ['Store', 'Back up, move and check the store'],
  ['About', 'About nsctl'],
]

/** `nsctl` alone and `nsctl --help`. */
export function overview(): string {
  const lines = ['nsctl runs programs on machines as manifests say, and can always tell why.', '']
  for (const [group, title] of GROUPS) {
    const verbs = VERBS.filter((verb) => verb.group === group)
    if (verbs.length === 0) continue
    lines.push(title, ...columns(verbs.map((verb) => [verb.name, verb.summary])), '')
  }
  lines.push(
    'Examples',
    '  nsctl up                                 start the control plane here',
    '  nsctl apply -f examples/quickstart       make what a folder says true',
    '  nsctl get svc                            list services and where to reach them',
    '  nsctl describe service web               everything about one of them',
    '  nsctl rollback service web               undo the last change',
    '',
    'nsctl COMMAND --help tells more of a command, nsctl explain service of a kind.',
  )
  return `${lines.join('\n')}\n`
}

/** True for the first word of two-word verbs that is no verb by itself: `rollout`. */
export function isTopic(word: string): boolean {
  return VERBS.some((verb) => verb.name.startsWith(`${word} `))
}

/** `nsctl rollout`: the verbs below it. */
export function helpOfTopic(word: string): string {
  const verbs = VERBS.filter((verb) => verb.name.startsWith(`${word} `))
  return `Usage: nsctl ${word} COMMAND\n\n${columns(verbs.map((verb) => [verb.name, verb.summary])).join('\n')}\n`
}

/** `nsctl VERB --help`. */
export async function helpOfVerb(name: string): Promise<string> {
  const verb = ALL_VERBS.find((one) => one.name === name)
  if (verb === undefined) throw unknownCommand(name)
  return renderVerb(verb, await verb.load())
}

/** Pure: the help of one verb from its class. */
export function renderVerb(verb: Verb, command: CommandClass): string {
  const lines = [`${verb.summary}.`, '', `Usage: ${usageLine(verb, command)}`]
  if (command.description !== undefined) lines.push('', ...wrapText(command.description, 100))
  if (command.examples !== undefined && command.examples.length > 0)
    lines.push('', 'Examples', ...command.examples.map((example) => `  ${String(example)}`))
  const args = Object.entries(command.args).filter(([, arg]) => !arg.hidden)
  if (args.length > 0)
    lines.push(
      '',
      'Arguments',
      ...columns(args.map(([key, arg]) => [argName(key, arg), arg.description ?? ''])),
    )
  lines.push(
    ...flagSection('Flags', command.flags ?? {}),
    ...flagSection('Global flags', command.baseFlags ?? {}),
  )
  return `${lines.join('\n')}\n`
}

/** `nsctl get [TYPE...] [flags]` */
export function usageLine(verb: Verb, command: CommandClass): string {
  if (typeof command.usage === 'string') return `nsctl ${command.usage}`
  const args = Object.entries(command.args)
    .filter(([, arg]) => !arg.hidden)
    .map(([key, arg]) => (arg.required ? argName(key, arg) : `[${argName(key, arg)}]`))
  return ['nsctl', verb.name, ...args, '[flags]'].join(' ')
}

/** Usage with the nearest verb, exit code 2. */
export function unknownCommand(word: string): NsctlError {
  const near = nearest(
    word,
    VERBS.flatMap((verb) => [verb.name, verb.name.split(' ')[0]!]),
    1,
  )[0]
  return new NsctlError('Usage', `unknown command: ${JSON.stringify(word)}`, {
    value: word,
    next:
      near === undefined
        ? 'nsctl --help lists the commands'
        : `did you mean nsctl ${near}? nsctl --help lists the commands`,
  })
}

/** What help and the reference say of one flag. */
export interface FlagText {
  readonly label: string
  readonly summary: string
}

/** A verb's flags as text, hidden ones left out. */
export function flagTexts(flags: NonNullable<CommandClass['flags']>): readonly FlagText[] {
  return Object.entries(flags)
    .filter(([, flag]) => !flag.hidden)
    .map(([name, flag]) => {
      const bare = (flag as { readonly bare?: string }).bare
      const value = flag.type === 'option' ? String(flag.helpValue ?? 'VALUE') : ''
      const long = `--${flag.type === 'boolean' && flag.allowNo ? '[no-]' : ''}${name}`
      const shown = value === '' ? long : bare === undefined ? `${long} ${value}` : `${long}[=${value}]`
      return {
        label: flag.char === undefined ? `    ${shown}` : `-${flag.char}, ${shown}`,
        summary: flag.summary ?? flag.description ?? '',
      }
    })
}

function flagSection(title: string, flags: NonNullable<CommandClass['flags']>): readonly string[] {
  const texts = flagTexts(flags)
  return texts.length === 0 ? [] : ['', title, ...columns(texts.map((text) => [text.label, text.summary]))]
}

function argName(key: string, arg: { readonly multiple?: boolean }): string {
  return `${key.toUpperCase()}${arg.multiple ? '...' : ''}`
}

function columns(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.min(36, Math.max(...rows.map(([left]) => left.length)))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}   ${right}`.trimEnd())
}
