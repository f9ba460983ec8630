import * as Flags from '@oclif/core/flags'
import { formatBytes } from '../core/quantity.ts'
import type { StoreFacts } from '../main/stores/look.ts'
import { ageText, renderRows } from '../views/table.ts'
import { StoreCommand } from './store-command.ts'

/** `nsctl store stats`: how much of what is stored. */
export class StoreStats extends StoreCommand {
  static override summary = 'How much of what the store holds'
  static override description = 'Bytes are those of keys and values; what the engine adds is not counted.'
  static override examples = ['nsctl store stats', 'nsctl store stats -o json']
  static override flags = { output: Flags.string({ char: 'o', helpValue: 'json', summary: 'json.' }) }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(StoreStats)
    const json = this.wantsJson(flags.output)
    const { storeStats } = await import('../main/stores/look.ts')
    const facts = await storeStats(this.choice())
    if (json) this.printJson(facts)
    else this.print(render(facts, this.context.clock.now()))
  }
}

function render(facts: StoreFacts, nowMs: number): string {
  const { engine, format, layout, url, revision, keys, bytes, events, auditRecords, oldestAudit } = facts
  const oldest = oldestAudit === undefined ? '' : `, the oldest ${ageText(oldestAudit, nowMs)} old`
  const about = renderRows([
    ['Store', url],
    ['Engine', format === undefined ? engine : `${engine}, format ${format}`],
    ['Layout', layout],
    ['Revision', String(revision)],
    ['Holds', `${keys} keys, ${formatBytes(bytes)}`],
    ['Events', String(events)],
    ['Audit', `${auditRecords} records${oldest}`],
  ])
  const groups = facts.groups.map((group) => [group.prefix, String(group.keys), formatBytes(group.bytes)])
  const kinds = facts.kinds.map(({ kind, objects }) => [kind, String(objects)])
  return [
    about,
    ...(groups.length > 0 ? [renderRows([['PREFIX', 'KEYS', 'BYTES'], ...groups])] : []),
    ...(kinds.length > 0 ? [renderRows([['KIND', 'OBJECTS'], ...kinds])] : []),
  ].join('\n')
}
