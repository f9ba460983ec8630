import { ConfigCommand } from './config-command.ts'
import * as shared from './flags.ts'

/** `nsctl config use-context NAME`. */
export class ConfigUseContext extends ConfigCommand {
  static override summary = 'Make a context the current one'
  static override description =
    'Every command then talks to its store, unless --store, --context or $NSCTL_STORE say otherwise.'
  static override examples = ['nsctl config use-context prod']
  static override args = { name: shared.argument({ required: true, description: 'The name of a context.' }) }

  override async run(): Promise<undefined> {
    await this.parse(ConfigUseContext)
    const name = this.words[0] as string
    await this.change((config) => {
      this.mustHave(config, name)
      return { ...config, currentContext: name }
    })
    this.print(`switched to context ${name}`)
    if (this.context.env.NSCTL_STORE) this.note('but $NSCTL_STORE is set, and goes first: unset NSCTL_STORE')
  }
}
