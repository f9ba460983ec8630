import { combineFaults } from '../client/manifests.ts'
import { aboutSecret } from './about-secret.ts'
import { NsctlCommand } from './base.ts'
import { isDryRun } from './dry-run.ts'
import * as shared from './flags.ts'
import { loadFiles, noDocument } from './input.ts'
import { checkOutput, reportChanges } from './report.ts'

/** `nsctl create -f`: what is there already is a conflict. */
export class Create extends NsctlCommand {
  static override summary = 'Create what manifests say, unless it is there'
  static override description =
    'Unlike apply it refuses what is there already, and remembers no manifest to merge with later. Documents are created one after the other; the first that is refused ends it.'
  static override examples = ['nsctl create -f web.yaml', 'nsctl create namespace shop']
  static override flags = {
    filename: shared.filename,
    recursive: shared.recursive,
    'dry-run': shared.dryRun,
    output: shared.changeOutput,
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(Create)
    checkOutput(flags.output)
    const dryRun = isDryRun(flags['dry-run'])
    const loaded = await loadFiles(flags, 'create', this.context)
    if (loaded.failed.length > 0) throw combineFaults(loaded.failed, 'nothing was created')
    if (loaded.manifests.length === 0) throw noDocument(flags, 'nothing was created')
    const client = await this.client(dryRun ? 'compare' : 'write')
    const how = { actor: this.actor(loaded.from), dryRun, namespace: this.namespace }
    for (const manifest of loaded.manifests) {
      const result = await client.create(manifest, how)
      const about = result.kind.kind === 'Secret' ? aboutSecret(result) : ''
      this.print(
        await reportChanges([result], {
          output: flags.output,
          dryRun,
          nowMs: this.context.clock.now(),
          words: ({ verdict }) => (about === '' ? verdict : `${verdict}   ${about}`),
        }),
      )
    }
    if (!dryRun) await this.noteIfNobodyActs(client)
  }
}
