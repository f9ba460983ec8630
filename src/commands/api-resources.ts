import * as Flags from '@oclif/core/flags'
import type { Kind } from '../resources/kinds.ts'
import { servedVersions } from '../resources/registry.ts'
import { renderRows } from '../views/table.ts'
import { NsctlCommand } from './base.ts'

/** `nsctl api-resources`. */
export class ApiResources extends NsctlCommand {
  static override summary = 'Kinds that there are, their names and short names'
  static override examples = [
    'nsctl api-resources',
    'nsctl api-resources -o name',
    'nsctl api-resources --namespaced=false',
  ]
  static override flags = {
    output: Flags.string({
      char: 'o',
      helpValue: 'wide|name',
      options: ['wide', 'name'],
      summary: 'wide or name.',
    }),
    namespaced: Flags.boolean({
      allowNo: true,
      summary: 'Only kinds that live in namespaces, or only the others.',
    }),
    'no-headers': Flags.boolean({ summary: 'Rows without headings.' }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(ApiResources)
    const client = await this.client('compare')
    await client.refreshKinds()
    const kinds = client.kinds
      .all()
      .filter((kind) => flags.namespaced === undefined || (kind.scope === 'Namespaced') === flags.namespaced)
    if (flags.output === 'name') {
      this.print(kinds.map((kind) => `${kind.plural}.${kind.group}\n`).join(''))
      return
    }
    const isWide = flags.output === 'wide'
    const heading = [
      'NAME',
      'SHORTNAMES',
      'APIVERSION',
      'NAMESPACED',
      'KIND',
      ...(isWide ? ['VERSIONS', 'CATEGORIES', 'WRITTEN BY'] : []),
    ]
    const rows = kinds.map((kind) => [
      kind.plural,
      kind.shortNames.join(','),
      kind.apiVersion,
      String(kind.scope === 'Namespaced'),
      kind.kind,
      ...(isWide
        ? [
            servedVersions(kind).map(versionText).join(','),
            kind.categories.join(','),
            kind.internal ? 'nsctl' : 'you',
          ]
        : []),
    ])
    this.print(renderRows(flags['no-headers'] ? rows : [heading, ...rows]))
  }
}

function versionText({ version, deprecation }: Kind): string {
  return deprecation === undefined ? version : `${version} (deprecated)`
}
