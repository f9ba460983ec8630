import { API_VERSION } from '../resources/object.ts'
import { NsctlCommand } from './base.ts'
import { isDryRun } from './dry-run.ts'
import * as shared from './flags.ts'
import { checkOutput, reportChanges } from './report.ts'

/** `nsctl create namespace NAME`. */
export class CreateNamespace extends NsctlCommand {
  static override summary = 'Create a namespace'
  static override description = 'A namespace is a scope for names. `default` is there from the start.'
  static override examples = ['nsctl create namespace shop', 'nsctl create ns shop']
  static override args = {
    name: shared.argument({ required: true, description: 'The name of the namespace, a DNS label.' }),
  }
  static override flags = { 'dry-run': shared.dryRun, output: shared.changeOutput }

  override async run(): Promise<undefined> {
    const { flags, args } = await this.parse(CreateNamespace)
    checkOutput(flags.output)
    const dryRun = isDryRun(flags['dry-run'])
    const client = await this.client(dryRun ? 'compare' : 'write')
    const object = { apiVersion: API_VERSION, kind: 'Namespace', metadata: { name: String(args.name) } }
    const result = await client.create(
      { object, source: 'create namespace' },
      { actor: this.actor(), dryRun },
    )
    this.print(
      await reportChanges([result], { output: flags.output, dryRun, nowMs: this.context.clock.now() }),
    )
  }
}
