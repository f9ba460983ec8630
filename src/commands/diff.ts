import type { ChangeResult, Manifest } from '../api/api.ts'
import type { Client } from '../client/client.ts'
import { combineFaults } from '../client/manifests.ts'
import type { Kind } from '../resources/kinds.ts'
import { type AnyResource, GROUP } from '../resources/object.ts'
import { loadPaint } from '../views/colour.ts'
import { diffSummary, renderDiff } from '../views/diff.ts'
import { objectName } from '../views/names.ts'
import { NsctlCommand } from './base.ts'
import { effectOf } from './diff-effect.ts'
import * as shared from './flags.ts'
import { loadFiles, noDocument } from './input.ts'

/** `nsctl diff`: 0 where nothing would change, 1 where something would, more on an error. */
export class Diff extends NsctlCommand {
  static override summary = 'What applying manifests would change'
  static override description =
    'Exits 0 where nothing would change, 1 where something would, and above 1 on an error.'
  static override examples = ['nsctl diff -f web.yaml', 'nsctl diff -f shop/ -R']
  static override flags = { filename: shared.filename, recursive: shared.recursive }

  override async run(): Promise<number> {
    const { flags } = await this.parse(Diff)
    const loaded = await loadFiles(flags, 'diff', this.context)
    if (loaded.failed.length > 0) throw combineFaults(loaded.failed, 'nothing was compared')
    if (loaded.manifests.length === 0) throw noDocument(flags, 'nothing was compared')
    const client = await this.client('compare')
    const { results } = await client.apply(loaded.manifests, {
      actor: this.actor(loaded.from),
      dryRun: true,
      namespace: this.namespace,
    })
    const paint = await loadPaint(this.colour)
    for (const result of results)
      this.print(await renderDiff(inputOf(result, this.#sourceOf(result, loaded.manifests)), { paint }))
    for (const warning of new Set(results.flatMap((result) => result.warnings)))
      this.note(`warning: ${warning}`)
    const changed = results.filter((result) => result.verdict !== 'unchanged')
    if (changed.length === 0) return 0
    this.print(diffSummary(effectOf(changed, await this.#services(client, changed))))
    return 1
  }

  /** Those that a Config or a Secret which changes may touch; none are read where no such changes. */
  async #services(client: Client, changed: readonly ChangeResult[]): Promise<readonly AnyResource[]> {
    if (!changed.some(({ kind, before }) => isMaterial(kind) && before !== undefined)) return []
    const { lists } = await client.listAll([client.kinds.byKind('Service')], {})
    return lists[0] ?? []
  }

  /** Results come in the order in which they would be committed, which need not be that of the documents. */
  #sourceOf({ object }: ChangeResult, manifests: readonly Manifest[]): string {
    const { name, namespace } = object.metadata
    const found = manifests.find(
      ({ object: other }) =>
        other.kind === object.kind &&
        other.metadata.name === name &&
        (namespace === undefined || (other.metadata.namespace ?? this.namespace) === namespace),
    )
    return found?.source ?? ''
  }
}

function isMaterial({ group, kind }: Kind): boolean {
  return group === GROUP && (kind === 'Config' || kind === 'Secret')
}

function inputOf(result: ChangeResult, source: string) {
  const { kind, object, before, verdict } = result
  const name = objectName(kind, object)
  const merged = verdict === 'unchanged' && before !== undefined ? before : object
  return { name, source, merged, ...(before === undefined ? {} : { live: before }) }
}
