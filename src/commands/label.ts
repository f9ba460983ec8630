import * as Flags from '@oclif/core/flags'
import type { ChangeResult } from '../api/api.ts'
import type { Client } from '../client/client.ts'
import type { Json } from '../core/json.ts'
import { refText } from '../resources/object.ts'
import { usage } from './base.ts'
import { ChangeCommand } from './change-command.ts'
import { retryConflicts } from './conflicts.ts'
import { isDryRun } from './dry-run.ts'
import * as flags from './flags.ts'
import { checkOverwrite, type MetadataEdits, parseEdits, splitEdits } from './metadata-edits.ts'
import { checkOutput } from './report.ts'
import { mustGet, type Selected, select } from './selection.ts'

/** `nsctl label`; annotate is the same on another member of metadata. */
export class Label extends ChangeCommand {
  static override summary = 'Set and remove labels'
  static override examples = [
    'nsctl label service/web tier=frontend',
    'nsctl label service web mail tier-',
    'nsctl label service -l app=web tier=frontend --overwrite',
    'nsctl label service/web --list',
  ]
  static override args = {
    object: flags.argument({
      multiple: true,
      description:
        'The objects (TYPE/NAME…, TYPE NAME…, or TYPE with -l or --all), then key=value to set and key- to remove.',
    }),
  }
  static override flags = {
    overwrite: Flags.boolean({ summary: 'Replace a value that is there.' }),
    list: Flags.boolean({ summary: 'Show what is set.' }),
    selector: flags.selector,
    all: Flags.boolean({ summary: 'All objects of the kinds that are named.' }),
    'all-namespaces': flags.allNamespaces,
    filename: flags.filename,
    recursive: flags.recursive,
    'resource-version': Flags.string({ helpValue: 'VERSION', summary: 'Only where it still has this one.' }),
    'dry-run': flags.dryRun,
    output: flags.changeOutput,
  }
  protected readonly member: 'labels' | 'annotations' = 'labels'

  override async run(): Promise<undefined> {
    const { flags: given } = await this.parse(Label)
    checkOutput(given.output)
    const what = this.member === 'labels' ? 'label' : 'annotation'
    const { targets, edits: words } =
      given.filename === undefined ? splitEdits(this.words) : { targets: [], edits: this.words }
    const edits = parseEdits(words, what)
    if (words.length === 0 && !given.list)
      throw usage(`no ${what} was given: write key=value or key-`, this.id ?? what)
    const dryRun = isDryRun(given['dry-run'])
    const client = await this.client(dryRun || words.length === 0 ? 'read' : 'write')
    const selected = await select(client, {
      words: targets,
      verb: this.id ?? what,
      context: this.context,
      files: given,
      namespace: this.namespace,
      selector: given.selector,
      all: given.all,
      allNamespaces: given['all-namespaces'],
    })
    const did = this.member === 'labels' ? 'labeled' : 'annotated'
    const change = (one: Selected) => this.#edit(client, one, edits, { ...given, what, dryRun })
    if (given.list) {
      if (words.length > 0) for (const one of selected) await change(one)
      return this.print(await this.#listing(client, selected)) as undefined
    }
    await this.changeEach(selected, change, {
      output: given.output,
      dryRun,
      words: ({ verdict }) => (verdict === 'unchanged' ? `not ${did}` : did),
    })
  }

  async #edit(
    client: Client,
    { ref }: Selected,
    edits: MetadataEdits,
    how: {
      readonly what: 'label' | 'annotation'
      readonly dryRun: boolean
      readonly overwrite: boolean
      readonly 'resource-version'?: string | undefined
    },
  ): Promise<ChangeResult> {
    const { [this.member]: before = {} } = (await mustGet(client, ref)).metadata
    for (const key of edits.remove)
      if (before[key] === undefined) this.note(`${how.what} ${key} not found on ${refText(ref)}`)
    const attempt = async () => {
      const { metadata } = await mustGet(client, ref)
      if (!how.overwrite) checkOverwrite(edits, metadata[this.member] ?? {}, refText(ref), how.what)
      // what was looked at is what may be written: without --overwrite the object must still be the same
      const version = how['resource-version'] ?? (how.overwrite ? undefined : metadata.resourceVersion)
      return client.patch(ref, 'merge', this.#patch(edits, version), {
        actor: this.actor(),
        dryRun: how.dryRun,
        verb: this.member === 'labels' ? 'labeled' : 'annotated',
      })
    }
    return how['resource-version'] === undefined ? retryConflicts(attempt) : attempt()
  }

  #patch(edits: MetadataEdits, version: string | undefined): Json {
    const values = { ...edits.set, ...Object.fromEntries(edits.remove.map((key) => [key, null])) }
    return {
      metadata: { [this.member]: values, ...(version === undefined ? {} : { resourceVersion: version }) },
    }
  }

  async #listing(client: Client, selected: readonly Selected[]): Promise<string> {
    const parts: string[] = []
    for (const { ref } of selected) {
      const values = Object.entries((await mustGet(client, ref)).metadata[this.member] ?? {})
      const lines = values.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => `${key}=${value}\n`)
      parts.push((selected.length > 1 ? `${refText(ref)}:\n` : '') + lines.join(''))
    }
    return parts.join('\n')
  }
}
