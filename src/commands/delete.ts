import * as Flags from '@oclif/core/flags'
import type { ChangeResult } from '../api/api.ts'
import type { Client } from '../client/client.ts'
import { followKey, waitUntil } from '../client/follow.ts'
import { isNsctlError, NsctlError } from '../core/errors.ts'
import { parseDurationMs } from '../core/quantity.ts'
import { refOfObject, refText } from '../resources/object.ts'
import { NAME_CLASSES, priorityClassCaution } from '../views/cautions.ts'
import { NsctlCommand, usage } from './base.ts'
import { isDryRun } from './dry-run.ts'
import * as shared from './flags.ts'
import { targetsOfFiles } from './input.ts'
import { checkOutput, reportChanges } from './report.ts'
import { type Selected, select } from './selection.ts'
import { notFound, refOf } from './targets.ts'

const flags = {
  filename: shared.filename,
  recursive: shared.recursive,
  selector: shared.selector,
  all: Flags.boolean({ summary: 'Every object of the types that are named.' }),
  'all-namespaces': shared.allNamespaces,
  purge: Flags.boolean({ summary: 'Also remove the data in its storage, for good.' }),
  cascade: Flags.string({
    options: ['background', 'orphan'],
    default: 'background',
    helpValue: 'background|orphan',
    summary: 'What becomes of what it owns: background removes it too, orphan leaves it.',
  }),
  wait: Flags.boolean({ allowNo: true, default: true, summary: 'Wait until it is gone (on by default).' }),
  timeout: Flags.string({ helpValue: 'DURATION', default: '2m', summary: 'Wait for at most so long.' }),
  'ignore-not-found': shared.ignoreNotFound,
  'dry-run': shared.dryRun,
  output: Flags.string({ char: 'o', helpValue: 'name', options: ['name'], summary: 'Print names only.' }),
}

/** `nsctl delete`. */
export class Delete extends NsctlCommand {
  static override summary = 'Delete objects and what they own'
  static override description =
    'Children go first. Data in storage stays until --purge: a service made again under the same name takes it up again.'
  static override examples = [
    'nsctl delete service web',
    'nsctl delete -f shop/',
    'nsctl delete svc -l app=web --wait=false',
    'nsctl delete service web --purge',
  ]
  static override args = {
    type: shared.argument({
      multiple: true,
      description: 'TYPE NAME…, TYPE/NAME…, or TYPE with -l or --all.',
    }),
  }
  static override flags = flags

  override async run(): Promise<undefined> {
    const { flags: given } = await this.parse(Delete)
    checkOutput(given.output)
    const timeoutMs = parseDurationMs(given.timeout)
    const dryRun = isDryRun(given['dry-run'])
    const client = await this.client(dryRun ? 'read' : 'write')
    const selected = await this.#select(client, given)
    if (selected.length === 0) return this.note('No resources found.') as undefined
    const { deleted, missing } = await this.#deleteAll(client, selected, { ...given, dryRun })
    await this.#warnOfClasses(client, deleted)
    if (!dryRun && deleted.length > 0) await this.#finish(client, deleted, given.wait ? timeoutMs : 0)
    if (missing[0] !== undefined && !given['ignore-not-found']) throw allMissing(missing)
  }

  /** What manifests name goes in reverse, so that a namespace follows what is in it. */
  async #select(
    client: Client,
    given: {
      readonly filename?: readonly string[]
      readonly recursive: boolean
      readonly selector?: string | undefined
      readonly all: boolean
      readonly 'all-namespaces': boolean
    },
  ): Promise<readonly Selected[]> {
    if (given.filename !== undefined) {
      if (given.selector !== undefined || given.all)
        throw usage('-f cannot be combined with -l or --all', 'delete')
      const targets = await targetsOfFiles(given, this.words, client, 'delete', this.context)
      return targets.map((target) => ({ kind: target.kind, ref: refOf(target, this.namespace) })).reverse()
    }
    return select(client, {
      words: this.words,
      verb: 'delete',
      namespace: this.namespace,
      selector: given.selector,
      all: given.all,
      allNamespaces: given['all-namespaces'],
      context: this.context,
    })
  }

  async #deleteAll(
    client: Client,
    selected: readonly Selected[],
    how: {
      readonly purge: boolean
      readonly cascade: string
      readonly dryRun: boolean
      readonly output?: string | undefined
    },
  ): Promise<{ deleted: readonly Deleted[]; missing: readonly NsctlError[] }> {
    const deleted: Deleted[] = []
    const missing: NsctlError[] = []
    const cascade = how.cascade === 'orphan' ? 'orphan' : 'background'
    const { purge, dryRun, output } = how
    for (const { kind, ref } of selected) {
      try {
        const result = await client.delete(ref, { actor: this.actor(), dryRun, cascade, purge })
        deleted.push({ kind, ref, result })
        this.print(await reportChanges([result], { output, dryRun, nowMs: this.context.clock.now() }))
      } catch (error) {
        if (!isNsctlError(error, 'NotFound')) throw error
        missing.push(notFound(ref))
      }
    }
    return { deleted, missing }
  }

  /** Nothing refuses to delete a class that is named, as in Kubernetes: who needs it finds out when it is too late. */
  async #warnOfClasses(client: Client, deleted: readonly Deleted[]): Promise<void> {
    const classes = deleted.filter(({ ref }) => ref.kind === 'PriorityClass')
    if (classes.length === 0) return
    const { lists } = await client.listAll(NAME_CLASSES.map((kind) => client.kinds.byKind(kind)))
    const keys = new Set(deleted.map(({ ref }) => followKey(ref)))
    for (const { ref } of classes) {
      const caution = priorityClassCaution(ref.name, lists.flat(), (one) =>
        keys.has(followKey(refOfObject(one))),
      )
      if (caution !== undefined) this.note(`warning: ${caution}`)
    }
  }

  /** Waits for what is on its way out; says so instead where nobody would take it there. */
  async #finish(client: Client, deleted: readonly Deleted[], timeoutMs: number): Promise<void> {
    const leaving = new Map(deleted.map((one) => [followKey(one.ref), one]))
    const isGone = await this.#areGone(client, leaving, 0)
    if (isGone || !(await this.noteIfNobodyActs(client)) || timeoutMs === 0) return
    if (await this.#areGone(client, leaving, timeoutMs)) return
    const names = [...leaving.values()].map(({ ref }) => refText(ref)).join(', ')
    throw new NsctlError('Timeout', `still there after the time that --timeout gave: ${names}`, {
      value: names,
      next: `the deletion goes on; see: nsctl describe ${refText([...leaving.values()][0]?.ref ?? { kind: '', name: '' })}`,
    })
  }

  /** Removes from `leaving` what is gone, or is there again as another object, until nothing is left or the time is over. */
  async #areGone(client: Client, leaving: Map<string, Deleted>, timeoutMs: number): Promise<boolean> {
    const { clock, signal } = this.context
    const kinds = [...new Set([...leaving.values()].map(({ kind }) => kind))]
    const answer = await waitUntil<true>({ reader: client, kinds, clock, signal, timeoutMs }, (objects) => {
      for (const [key, { result }] of leaving)
        if (objects.get(key)?.metadata.uid !== result.object.metadata.uid) leaving.delete(key)
      return leaving.size === 0 ? true : undefined
    })
    return answer === true
  }
}

interface Deleted extends Selected {
  readonly result: ChangeResult
}

function allMissing(missing: readonly NsctlError[]): NsctlError {
  const [first] = missing
  if (first !== undefined && missing.length === 1) return first
  return new NsctlError('NotFound', `${missing.length} objects were not found`, {
    issues: missing.map((error) => error.message),
  })
}
