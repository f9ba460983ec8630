import * as Flags from '@oclif/core/flags'
import { rebalance } from '../placement/rebalance.ts'
import type { Instance, Node, Service } from '../resources/generated/types.ts'
import { API_VERSION } from '../resources/object.ts'
import { toJson, toYamlText } from '../views/output.ts'
import { renderMoves } from '../views/rebalance.ts'
import { NsctlCommand, usage } from './base.ts'

/** `nsctl rebalance`. */
export class Rebalance extends NsctlCommand {
  static override summary = 'Propose moves after which instances would stand better'
  static override description =
    'What no longer is where its Service asks for, what is crowded on a node or in a zone while it should be spread, and nodes that could be left empty. What has storage, daemons and runs of Jobs stay where they are. Nothing is moved: an instance goes to another node only when it is replaced.'
  static override examples = ['nsctl rebalance --dry-run', 'nsctl rebalance --dry-run -o json']
  static override flags = {
    'dry-run': Flags.boolean({ summary: 'Needed: moves are only proposed.' }),
    output: Flags.string({ char: 'o', helpValue: 'json|yaml', summary: 'json or yaml.' }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(Rebalance)
    const { output } = flags
    if (output !== undefined && output !== 'json' && output !== 'yaml')
      throw usage(`unknown output format: ${output} (json or yaml)`, 'rebalance', output)
    if (!flags['dry-run'])
      throw usage('moves are only proposed, nothing is moved: write nsctl rebalance --dry-run', 'rebalance')
    const client = await this.client()
    const kinds = ['Node', 'Instance', 'Service'].map((kind) => client.kinds.byKind(kind))
    const [nodes = [], instances = [], services = []] = (await client.listAll(kinds))
      .lists as readonly unknown[]
    const moves = rebalance({
      nodes: nodes as readonly Node[],
      instances: instances as readonly Instance[],
      services: services as readonly Service[],
    })
    if (output === undefined) return this.print(renderMoves(moves)) as undefined
    const list = { apiVersion: API_VERSION, kind: 'MoveList', items: moves }
    this.print(output === 'json' ? toJson(list) : await toYamlText(list))
  }
}
