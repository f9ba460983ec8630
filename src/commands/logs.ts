import * as Flags from '@oclif/core/flags'
import type { Client, LogEntry } from '../client/client.ts'
import { NsctlError } from '../core/errors.ts'
import { parseDurationMs } from '../core/quantity.ts'
import type { AnyResource } from '../resources/object.ts'
import { loadPaint } from '../views/colour.ts'
import { textAt } from '../views/fields.ts'
import { createLogFormatter } from '../views/log-lines.ts'
import { NsctlCommand, usage } from './base.ts'
import * as flags from './flags.ts'
import { namedInstances } from './instances.ts'
import { liveLines, pastLines, programNames } from './log-streams.ts'
import { selectStored } from './selection.ts'

const TAIL_WITH_SELECTOR = 10

/** `nsctl logs`: what instances wrote. */
export class Logs extends NsctlCommand {
  static override summary = 'What instances wrote'
  static override examples = [
    'nsctl logs service/web -f',
    'nsctl logs web-0 --tail 20',
    'nsctl logs web-0 -p',
    'nsctl logs -l tier=frontend --since 10m --timestamps',
  ]
  static override args = {
    instance: flags.argument({ multiple: true, description: 'An instance (web-0), or TYPE/NAME….' }),
  }
  static override flags = {
    follow: Flags.boolean({ char: 'f', summary: 'Go on with what is written next.' }),
    tail: Flags.string({
      helpValue: 'N',
      summary: 'Only the last so many lines of each instance; -1 for all. 10 with -l, else all.',
    }),
    since: Flags.string({ helpValue: 'DURATION', summary: 'Only what is not older than that: 5s, 10m, 1h.' }),
    'since-time': Flags.string({
      helpValue: 'TIME',
      summary: 'Only from this time on: 2026-01-31T12:00:00Z.',
    }),
    previous: Flags.boolean({ char: 'p', summary: 'Of the process before the present one.' }),
    prefix: Flags.boolean({
      allowNo: true,
      summary: 'The name of the instance before each line. By default where there are several.',
    }),
    timestamps: Flags.boolean({ summary: 'The time before each line.' }),
    selector: flags.selector,
    program: Flags.string({ char: 'c', helpValue: 'NAME', summary: 'Only this program of a group.' }),
    'all-programs': Flags.boolean({
      summary: 'Every program of a group: the default.',
      exclusive: ['program'],
    }),
    'all-namespaces': flags.allNamespaces,
    manager: Flags.boolean({ summary: 'Also what the service manager says about the program.' }),
  }

  override async run(): Promise<undefined> {
    const { flags: given } = await this.parse(Logs)
    if (given.since !== undefined && given['since-time'] !== undefined)
      throw usage('only one of --since and --since-time may be given', 'logs')
    const sinceMs = this.#sinceMs(given.since, given['since-time'])
    const tail = parseTail(given.tail) ?? (given.selector === undefined ? undefined : TAIL_WITH_SELECTOR)
    const client = await this.client()
    const isSelected = given.selector !== undefined
    const { instances, services } = isSelected
      ? await this.#selected(client, given.selector as string, given['all-namespaces'])
      : await this.#named(client)
    if (instances.length === 0 && !given.follow) {
      this.note(
        `there is no instance${services.length === 0 ? '' : ` of ${services.join(', ')}`} to read from`,
      )
      return
    }
    const request = {
      ...(tail === undefined ? {} : { tail }),
      ...(sinceMs === undefined ? {} : { sinceMs }),
      ...(given.previous ? { previous: true } : {}),
      ...(given.program === undefined ? {} : { program: given.program }),
      // of several one that is lost is told, and the others go on
      ...(instances.length === 1 && services.length === 0
        ? {}
        : { onNotice: (text: string) => this.note(text) }),
    }
    const { signal } = this.context
    const wanted = new Set(services)
    const lines = given.follow
      ? liveLines(client, instances, request, signal, {
          namespace: this.namespace,
          isWanted: (one) => wanted.has(textAt(one, 'spec.service') ?? ''),
        })
      : pastLines(client, instances, request, signal)
    const isFollowingService = services.length > 0 && given.follow === true
    const streams = instances.flatMap((one) => programNames(one, given.program)).length
    const format = createLogFormatter({
      paint: await loadPaint(this.colour),
      prefix: given.prefix ?? (isFollowingService || streams > 1),
      timestamps: given.timestamps,
    })
    await this.#write(lines, format, given.manager)
    signal.throwIfAborted()
  }

  async #write(
    lines: AsyncIterable<LogEntry>,
    format: (entry: LogEntry) => string,
    withManager: boolean,
  ): Promise<void> {
    for await (const entry of lines)
      if (withManager || entry.stream !== 'manager') this.context.stdout.write(format(entry))
  }

  async #named(client: Client) {
    if (this.words.length === 0) throw usage('nothing was named: write nsctl logs service/web', 'logs')
    return namedInstances(client, this.words, this.namespace, 'logs')
  }

  async #selected(client: Client, selector: string, allNamespaces: boolean) {
    if (this.words.length > 0) throw usage('names cannot be combined with -l', 'logs', this.words.join(' '))
    const found = await selectStored(client, [client.kinds.byKind('Instance')], {
      namespace: this.namespace,
      allNamespaces,
      selector,
    })
    return { instances: found.map(({ object }): AnyResource => object), services: [] as string[] }
  }

  #sinceMs(since: string | undefined, sinceTime: string | undefined): number | undefined {
    if (since !== undefined) return this.context.clock.now() - parseDurationMs(since)
    if (sinceTime === undefined) return undefined
    const atMs = Date.parse(sinceTime)
    if (Number.isNaN(atMs))
      throw new NsctlError('Usage', `not a time: ${JSON.stringify(sinceTime)}`, {
        value: sinceTime,
        next: 'write it like 2026-01-31T12:00:00Z',
      })
    return atMs
  }
}

function parseTail(text: string | undefined): number | undefined {
  if (text === undefined || text === '-1') return undefined
  if (/^[0-9]{1,9}$/.test(text)) return Number(text)
  throw usage(`--tail wants a number of lines, not ${text}`, 'logs', text)
}
