import * as Flags from '@oclif/core/flags'
import type { ReadScope } from '../api/api.ts'
import type { Client } from '../client/client.ts'
import { follow } from '../client/follow.ts'
import type { AnyResource, ObjectRef } from '../resources/object.ts'
import { createEventWriter, eventView, isAbout, isAboutInstanceOf, sortEvents } from '../views/events.ts'
import { parseFormat, printObjects } from '../views/output.ts'
import { NsctlCommand, usage } from './base.ts'
import * as flags from './flags.ts'
import { parseTargets, refOf } from './targets.ts'

/** `nsctl events`: what happened lately, oldest first. */
export class Events extends NsctlCommand {
  static override summary = 'What happened lately, oldest first'
  static override examples = [
    'nsctl events',
    'nsctl events --for service/web',
    'nsctl events --types Warning -A -w',
  ]
  static override flags = {
    for: Flags.string({
      helpValue: 'TYPE/NAME',
      summary: 'Only events about this object; of a service, also about its instances.',
    }),
    types: Flags.string({ helpValue: 'TYPE,…', summary: 'Only these: Normal, Warning.' }),
    'all-namespaces': flags.allNamespaces,
    watch: Flags.boolean({ char: 'w', summary: 'Go on with what happens next.' }),
    'watch-only': Flags.boolean({ summary: 'Only what happens next.' }),
    'no-headers': Flags.boolean({ summary: 'No headings.' }),
    output: flags.output,
  }

  override async run(): Promise<undefined> {
    const { flags: given } = await this.parse(Events)
    const format = parseFormat(given.output)
    const types = parseTypes(given.types)
    const client = await this.client()
    const isWanted = await this.#filter(client, given.for, types)
    const kind = client.kinds.byKind('Event')
    const scope = given['all-namespaces'] ? {} : { namespace: this.namespace }
    const writer = createEventWriter({
      now: () => this.context.clock.now(),
      noHeaders: given['no-headers'],
      showNamespace: given['all-namespaces'],
    })
    const show = async (events: readonly AnyResource[]): Promise<string> =>
      format.kind === 'table'
        ? writer.rows(events)
        : printObjects([{ kind, items: events }], {
            format,
            nowMs: this.context.clock.now(),
            noHeaders: given['no-headers'],
            showNamespace: given['all-namespaces'],
          })
    if (given.watch || given['watch-only'])
      return this.#watch(client, scope, given['watch-only'], async (events) =>
        this.print(await show(sortEvents(events.filter(isWanted)))),
      )
    const events = sortEvents((await client.list(kind, scope)).items.filter(isWanted))
    if (events.length === 0 && (format.kind === 'table' || format.kind === 'wide'))
      this.note(
        given['all-namespaces'] ? 'No events found.' : `No events found in ${this.namespace} namespace.`,
      )
    else this.print(await show(events))
  }

  async #watch(
    client: Client,
    scope: ReadScope,
    isOnlyNew: boolean,
    show: (events: readonly AnyResource[]) => Promise<void>,
  ): Promise<undefined> {
    let isFirst = true
    for await (const { changes } of follow(
      client,
      [client.kinds.byKind('Event')],
      this.context.signal,
      scope,
    )) {
      if (!(isFirst && isOnlyNew))
        await show(changes.flatMap((change) => (change.kind === 'put' ? [change.object] : [])))
      isFirst = false
    }
    this.context.signal.throwIfAborted()
  }

  async #filter(
    client: Client,
    about: string | undefined,
    types: readonly string[] | undefined,
  ): Promise<(event: AnyResource) => boolean> {
    const isOfType = (event: AnyResource) => types === undefined || types.includes(eventView(event).type)
    if (about === undefined) return isOfType
    if (!about.includes('/')) throw usage(`--for wants TYPE/NAME, not ${about}`, 'events', about)
    const { objects } = await parseTargets([about], client, 'events --for')
    const refs = objects.map((target) => refOf(target, this.namespace))
    const concerns = (event: AnyResource, ref: ObjectRef) =>
      isAbout(event, ref) || (ref.kind === 'Service' && isAboutInstanceOf(event, ref.name, ref.namespace))
    return (event) => isOfType(event) && refs.some((ref) => concerns(event, ref))
  }
}

function parseTypes(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined
  return text.split(',').map((type) => {
    const known = ['Normal', 'Warning'].find((one) => one.toLowerCase() === type.trim().toLowerCase())
    if (known === undefined) throw usage(`--types knows Normal and Warning, not ${type}`, 'events', type)
    return known
  })
}
