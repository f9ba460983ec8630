import * as Flags from '@oclif/core/flags'
import type { RevisionRecord } from '../api/api.ts'
import type { Client } from '../client/client.ts'
import { NsctlError } from '../core/errors.ts'
import { withArticle } from '../core/words.ts'
import { type ObjectRef, refText } from '../resources/object.ts'
import { numberAt } from '../views/fields.ts'
import { renderHistory, renderRevision } from '../views/history.ts'
import { toJson, toYamlText } from '../views/output.ts'
import { NsctlCommand, usage } from './base.ts'
import * as shared from './flags.ts'
import { parseRevision } from './rollback.ts'
import { mustGet } from './selection.ts'
import { parseTargets, refOf } from './targets.ts'

/** `nsctl history`: what was wanted before, by whom, from where. */
export class History extends NsctlCommand {
  static override summary = 'Revisions of an object: when, by whom, from where, what changed'
  static override examples = [
    'nsctl history service/web',
    'nsctl history service web --revision 6',
    'nsctl history service/web -o json',
  ]
  static override args = {
    type: shared.argument({ multiple: true, description: 'TYPE/NAME… or TYPE NAME….' }),
  }
  static override flags = {
    revision: Flags.string({ helpValue: 'N', summary: 'Show this revision in full.' }),
    output: Flags.string({ char: 'o', helpValue: 'json|yaml', summary: 'json or yaml.' }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(History)
    const wanted = parseRevision(flags.revision)
    if (flags.output !== undefined && flags.output !== 'json' && flags.output !== 'yaml')
      throw usage(`unknown output format: ${flags.output} (json or yaml)`, 'history', flags.output)
    const client = await this.client()
    const { objects } = await parseTargets(this.words, client, this.id ?? 'history')
    if (objects.length === 0) throw usage('nothing was named: write nsctl history service/web', 'history')
    const texts: string[] = []
    for (const target of objects) {
      const ref = refOf(target, this.namespace)
      if (!target.kind.revisioned)
        throw new NsctlError('Unsupported', `${withArticle(target.kind.singular)} keeps no revisions`, {
          value: refText(ref),
          next: 'services and kinds of your own do',
        })
      texts.push(await this.#show(client, ref, wanted, flags.output))
    }
    this.print(texts.join('\n'))
  }

  async #show(
    client: Client,
    ref: ObjectRef,
    wanted: number | undefined,
    output: 'json' | 'yaml' | undefined,
  ): Promise<string> {
    const object = await mustGet(client, ref)
    const records = await client.history(ref)
    const nowMs = this.context.clock.now()
    if (wanted !== undefined) {
      const record = findRevision(records, wanted, ref)
      if (output === 'json') return toJson(record)
      if (output === 'yaml') return toYamlText(record)
      const { stringify } = await import('yaml')
      return renderRevision(refText(ref), record, stringify(record.spec, { lineWidth: 0 }), nowMs)
    }
    const list = { apiVersion: 'nsctl.dev/v1alpha1', kind: 'RevisionList', items: records }
    if (output === 'json') return toJson(list)
    if (output === 'yaml') return toYamlText(list)
    const stable = numberAt(object, 'status.stableRevision')
    return renderHistory(records, nowMs, {
      ...(object.metadata.revision === undefined ? {} : { current: object.metadata.revision }),
      ...(stable === undefined ? {} : { stable }),
    })
  }
}

function findRevision(records: readonly RevisionRecord[], wanted: number, ref: ObjectRef): RevisionRecord {
  const record = records.find((one) => one.revision === wanted)
  if (record !== undefined) return record
  const kept = records.map((one) => `r${one.revision}`).join(', ')
  throw new NsctlError('NotFound', `${refText(ref)} has no revision r${wanted}`, {
    value: wanted,
    next: kept === '' ? 'it has none at all' : `it has ${kept}`,
  })
}
