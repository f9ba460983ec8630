import * as Flags from '@oclif/core/flags'
import { redactedConfig } from '../main/config/config.ts'
import { renderRows } from '../views/table.ts'
import { ConfigCommand } from './config-command.ts'
import * as shared from './flags.ts'

/** `nsctl config get-contexts [NAME]`. */
export class ConfigGetContexts extends ConfigCommand {
  static override summary = 'Contexts that there are, and which is the current one'
  static override examples = [
    'nsctl config get-contexts',
    'nsctl config get-contexts prod',
    'nsctl config get-contexts -o name',
  ]
  static override args = { name: shared.argument({ description: 'Only this one.' }) }
  static override flags = {
    output: Flags.string({ char: 'o', helpValue: 'name', options: ['name'], summary: 'Only the names.' }),
    'no-headers': Flags.boolean({ summary: 'Rows without headings.' }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(ConfigGetContexts)
    const config = redactedConfig(await this.readConfig())
    const [name] = this.words
    if (name !== undefined) this.mustHave(config, name)
    const contexts = config.contexts.filter((one) => name === undefined || one.name === name)
    if (flags.output === 'name')
      return this.print(contexts.map((one) => `${one.name}\n`).join('')) as undefined
    if (contexts.length === 0) {
      this.note(
        `there is no context in ${this.file}: make one with nsctl config set-context NAME --store URL`,
      )
      return
    }
    const rows = contexts.map((one) => [
      one.name === config.currentContext ? '*' : '',
      one.name,
      one.context.store,
      one.context.namespace ?? '',
    ])
    this.print(renderRows(flags['no-headers'] ? rows : [['CURRENT', 'NAME', 'STORE', 'NAMESPACE'], ...rows]))
  }
}
