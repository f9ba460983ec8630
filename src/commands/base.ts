/** What every command stands on: global flags, parsing, the client, output, and words for when nobody acts. */
import type { Config, Interfaces } from '@oclif/core'
import { Command } from '@oclif/core/command'
import { parse } from '@oclif/core/parser'
import type { Actor } from '../api/api.ts'
import type { Client } from '../client/client.ts'
import type { Sealer } from '../client/sealing/sealer.ts'
import { withSealing } from '../client/sealing.ts'
import { isNsctlError, NsctlError } from '../core/errors.ts'
import { harmless } from '../core/harmless.ts'
import { formatAge } from '../core/quantity.ts'
import { choosePlace, type StorePlace } from '../main/config/place.ts'
import type { Environment } from '../main/paths.ts'
import { DEFAULT_NAMESPACE } from '../resources/object.ts'
import { type FlagShapes, normalizeArgv } from './argv.ts'
import type { CommandContext } from './context.ts'
import { globalFlags } from './flags.ts'
import type { SealerChoice } from './sealer.ts'
import { usageError } from './usage-error.ts'

/** Flags that every command has parsed. */
interface GlobalValues {
  readonly namespace?: string | undefined
  readonly store?: string | undefined
  readonly context?: string | undefined
  readonly 'no-color'?: boolean
}

/** A concrete command: what it says of itself, and how it is made. */
export type CommandClass = Pick<typeof NsctlCommand, keyof typeof NsctlCommand> &
  (new (
    argv: string[],
    context: CommandContext,
  ) => NsctlCommand)

/**
 * A verb. `run` resolves to the exit code (0 if to nothing) and throws NsctlErrors; printing those is the dispatcher's
 * business. oclif's parser reads flags and arguments; its configuration and plugins are never loaded.
 */
export abstract class NsctlCommand extends Command {
  static override baseFlags = globalFlags
  static override strict = true

  protected readonly context: CommandContext
  /** Arguments in the order in which they were typed. */
  protected words: readonly string[] = []
  #globals: GlobalValues = {}
  #client: Promise<Client> | undefined
  #sealer: Promise<Sealer> | undefined
  /** Why there is none is said when it is needed: `config` and `help` work beside a damaged file of contexts. */
  #place: StorePlace | Error = {}

  constructor(argv: string[], context: CommandContext) {
    super(argv, minimalConfig(context))
    this.context = context
  }

  abstract override run(): Promise<number | undefined>

  protected override async parse<
    F extends Interfaces.OutputFlags<Interfaces.FlagInput>,
    B extends Interfaces.OutputFlags<Interfaces.FlagInput>,
    A extends Interfaces.OutputArgs<Interfaces.ArgInput>,
  >(options?: Interfaces.Input<F, B, A>, argv = this.argv): Promise<Interfaces.ParserOutput<F, B, A>> {
    const definition = options ?? (this.ctor as unknown as Interfaces.Input<F, B, A>)
    const flags = { ...definition.baseFlags, ...definition.flags } as Interfaces.FlagInput
    try {
      const parsed = await parse([...normalizeArgv(argv, flags as FlagShapes)], {
        ...(definition as Interfaces.Input<F, B, A>),
        flags: flags as Interfaces.FlagInput<F>,
        context: this as never,
      })
      this.words = parsed.raw.filter((token) => token.type === 'arg').map((token) => token.input)
      this.#globals = parsed.flags as GlobalValues
      this.#place = await choosePlace(this.context.env, this.#globals).catch((error: Error) => error)
      return parsed as unknown as Interfaces.ParserOutput<F, B, A>
    } catch (error) {
      throw usageError(error, { verb: this.id ?? '', flags: Object.keys(flags) })
    }
  }

  /** The store to talk to, as whom, and where in it. Throws where that cannot be known. */
  protected get place(): StorePlace {
    if (this.#place instanceof Error) throw this.#place
    return this.#place
  }

  /** The namespace to work in: -n, $NSCTL_NAMESPACE, the context's, default. */
  protected get namespace(): string {
    return (
      this.#globals.namespace || this.context.env.NSCTL_NAMESPACE || this.place.namespace || DEFAULT_NAMESPACE
    )
  }

  /** The namespace that was asked for by flag; undefined where none was. */
  protected get givenNamespace(): string | undefined {
    return this.#globals.namespace
  }

  /** Where colour may be printed: a terminal, without --no-color and $NO_COLOR; $FORCE_COLOR overrules the first. */
  protected get colour(): boolean {
    const { NO_COLOR, FORCE_COLOR, TERM } = this.context.env
    if (this.#globals['no-color'] === true || (NO_COLOR !== undefined && NO_COLOR !== '')) return false
    if (FORCE_COLOR !== undefined && FORCE_COLOR !== '') return FORCE_COLOR !== '0'
    return this.context.stdout.isTTY && TERM !== 'dumb'
  }

  /**
   * The client, opened with the first call; `close` closes it. `read` makes no store and is refused where there is none;
   * `compare` takes one that is not there for an empty one.
   */
  protected client(access: 'read' | 'compare' | 'write' = 'read'): Promise<Client> {
    this.#client ??= this.context
      .openClient({
        readOnly: access !== 'write',
        emptyIfMissing: access === 'compare',
        ...this.chosenStore(),
      })
      .then((client) => withSealing(client, () => this.sealer(client)))
    return this.#client
  }

  /** What seals and opens for this user, over the store of `client`; the same at each call. */
  protected sealer(client: Client, more: SealerChoice = {}): Promise<Sealer> {
    this.#sealer ??= import('./sealer.ts').then(({ openSealer }) =>
      openSealer(client, this.context, { note: (text) => this.note(text), ...more }),
    )
    return this.#sealer
  }

  /**
   * What opens the store that was chosen: its URL, unless the environment says it, and the environment with what a context adds.
   * Says what the user should know of the choice.
   */
  protected chosenStore(): { readonly env: Environment; readonly store?: string } {
    const { store, variables, warning } = this.place
    if (warning !== undefined) this.note(warning)
    const { env } = this.context
    return {
      env: variables === undefined ? env : { ...env, ...variables },
      ...(store === undefined ? {} : { store }),
    }
  }

  /** What went wrong; where it is the store's, with the context that chose that store. */
  explained(error: unknown): unknown {
    const origin = this.#place instanceof Error ? undefined : this.#place.origin
    if (origin === undefined || !isNsctlError(error) || error.exitCode !== 3) return error
    const { code, message, value, issues, next, cause } = error
    const place = `Context: ${origin}`
    return new NsctlError(code, message, {
      value,
      issues,
      cause,
      next: next === undefined ? place : `${next}\n${place}`,
    })
  }

  /** Frees what the command has opened; called by the dispatcher however the command ended. */
  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined)
    await client?.close()
  }

  /** Who does it, as claimed. */
  protected actor(from?: string): Actor {
    return { name: this.context.userName, ...(from === undefined ? {} : { from }) }
  }

  /** Text on standard output, with a line break unless it ends in one. Nothing at all for empty text. */
  protected print(text: string): void {
    if (text !== '') this.context.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
  }

  /** A line beside the output, on standard error. */
  protected note(text: string): void {
    this.context.stderr.write(`${harmless(text)}\n`)
  }

  /** After a change: says so where nobody will act on it. True where a daemon runs. */
  protected async noteIfNobodyActs(client: Client): Promise<boolean> {
    const { running } = await client.daemon()
    if (!running) this.note('nobody is acting on this: start it with nsctl up')
    return running
  }

  /** Before or after showing status: says how old it is where no daemon keeps it true. True where a daemon runs. */
  protected async noteIfStale(client: Client): Promise<boolean> {
    const { running, catchingUp, lastSeenMs } = await client.daemon()
    if (catchingUp === true && running)
      this.note('status may be stale: nsctl has just started and is still looking')
    if (!running) {
      const age =
        lastSeenMs === undefined ? '' : `, last ${formatAge(this.context.clock.now() - lastSeenMs)} ago`
      this.note(`status is stale: nsctl is not running${age}. Start it with nsctl up`)
    }
    return running
  }
}

/** A Usage error that points to the verb's help. */
export function usage(message: string, verb: string, value?: unknown, next?: string): NsctlError {
  const help = `see: nsctl ${verb} --help`
  return new NsctlError('Usage', message, { next: next === undefined ? help : `${next}; ${help}`, value })
}

/**
 * oclif wants a Config, whose loading reads package.json, plugins and manifests. Commands are found by our own table, so
 * all that is left of it is the name that its parser puts into messages.
 */
function minimalConfig(context: CommandContext): Config {
  return { bin: 'nsctl', name: 'nsctl', version: context.version } as unknown as Config
}
