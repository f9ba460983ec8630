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
  try {
    return await dispatch(argv, context)
  } catch (error) {
    if (isBrokenPipe(error)) return 0
    if (isAbort(error)) return INTERRUPTED
    const failure = describeFailure(error, { json: wantsJson(argv) })
    context.stderr.write(failure.text)
    return failure.exitCode
  }
}

async function dispatch(argv: readonly string[], context: CommandContext): Promise<number> {
  const { verb: name, first, rest } = splitVerb(argv, VERB_NAMES, globalFlags)
  const verb = VERBS.find((one) => one.name === name)
  if (verb === undefined || asksForHelp(rest)) return showHelp(verb?.name, first, rest, context)
  const command = new (await verb.load())([...rest], context)
  command.id = verb.name
  try {
    return (await command.run()) ?? 0
  } finally {
    await command.close()
  }
}

function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  return words.some((word, at) => (end === -1 || at < end) && (word === '--help' || word === '-h'))
}

async function showHelp(
  verb: string | undefined,
  first: string | undefined,
  rest: readonly string[],
  context: CommandContext,
): Promise<number> {
  const help = await import('./help.ts')
  if (verb !== undefined) {
    context.stdout.write(await help.helpOfVerb(verb))
    return 0
  }
  if (first === undefined || help.isTopic(first)) {
    const unknown = rest.find((word) => word !== '-h' && word !== '--help')
    if (first === undefined && unknown !== undefined && unknown.startsWith('-') && !asksForHelp(rest))
      throw new NsctlError('Usage', `a command is missing after ${unknown}`, {
        value: unknown,
        next: 'nsctl --help lists the commands',
      })
    context.stdout.write(first === undefined ? help.overview() : help.helpOfTopic(first))
    return 0
  }
  throw help.unknownCommand(first)
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'EPIPE'
}
