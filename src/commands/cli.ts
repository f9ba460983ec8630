/** The executable's entry: finds the verb, runs it, prints what went wrong, sets the exit code. */
import { NsctlError } from '../core/errors.ts'
import { splitVerb, wantsJson } from './argv.ts'
import type { CommandContext } from './context.ts'
import { describeFailure } from './failure.ts'
import { globalFlags } from './flags.ts'
import { VERB_NAMES, VERBS } from './table.ts'

/** Exit code of a command that Ctrl-C ended, as shells have it. */
const INTERRUPTED = 130

/** Runs one command line to its end and returns the exit code. Prints every error; throws none. */
export async function runCli(argv: readonly string[], context: CommandContext): Promise<number> {
  // clocks do not keep a process alive: a wait that holds nothing else would end it in the middle, with exit code 0
  const alive = setInterval(() => {}, 2 ** 30)
  try {
    return await dispatch(argv, context)
  } catch (error) {
    if (isBrokenPipe(error)) return 0
    if (isAbort(error)) return INTERRUPTED
    const failure = describeFailure(error, { json: wantsJson(argv) })
    context.stderr.write(failure.text)
    return failure.exitCode
  } finally {
    clearInterval(alive)
  }
}

async function dispatch(argv: readonly string[], context: CommandContext): Promise<number> {
  const { verb: name, first, rest } = splitVerb(argv, VERB_NAMES, globalFlags)
  if (first === undefined && rest.includes('--version')) return dispatch(['version', '--client'], context)
  const verb = VERBS.find((one) => one.name === name)
  if (verb === undefined) return showOverview(first, rest, context)
  if (asksForHelp(rest)) {
    context.stdout.write(await (await import('./help.ts')).helpOfVerb(verb.name))
    return 0
  }
  const command = new (await verb.load())([...rest], context)
  command.id = verb.name
  try {
    return (await command.run()) ?? 0
  } catch (error) {
    throw command.explained(error)
  } finally {
    await command.close()
  }
}

function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  return words.some((word, at) => (end === -1 || at < end) && (word === '--help' || word === '-h'))
}

/** No verb, or the first word of several: what there is. A word that is none of ours is an error. */
async function showOverview(
  first: string | undefined,
  rest: readonly string[],
  context: CommandContext,
): Promise<number> {
  const help = await import('./help.ts')
  const stray = rest.find((word) => (first === undefined ? !HELP.has(word) : !word.startsWith('-')))
  if (first === undefined && stray === undefined) context.stdout.write(help.overview())
  else if (first === undefined)
    throw new NsctlError('Usage', `a command is missing after ${stray}`, {
      value: stray,
      next: 'nsctl --help lists the commands',
    })
  else if (help.isTopic(first) && stray === undefined) context.stdout.write(help.helpOfTopic(first))
  else throw help.unknownCommand(help.isTopic(first) ? `${first} ${stray}` : first)
  return 0
}

const HELP: ReadonlySet<string> = new Set(['-h', '--help'])

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'EPIPE'
}
