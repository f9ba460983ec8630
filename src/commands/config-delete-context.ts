import { withoutContext } from '../main/config/config.ts'
import { ConfigCommand } from './config-command.ts'
import * as shared from './flags.ts'

/** `nsctl config delete-context NAME`. */
export class ConfigDeleteContext extends ConfigCommand {
  static override summary = 'Forget a context; its store stays as it is'
  static override examples = ['nsctl config delete-context lab']
  static override args = { name: shared.argument({ required: true, description: 'The name of a context.' }) }

  override async run(): Promise<undefined> {
    await this.parse(ConfigDeleteContext)
    const name = this.words[0] as string
    let wasCurrent = false
    await this.change((config) => {
      this.mustHave(config, name)
      wasCurrent = config.currentContext === name
      return withoutContext(config, name)
    })
    this.print(`context/${name} deleted from ${this.file}`)
    if (wasCurrent)
      this.note(
        'it was the current one: from now on the embedded store is used, until nsctl config use-context NAME',
      )
  }
}
