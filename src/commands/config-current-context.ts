import { NsctlError } from '../core/errors.ts'
import { ConfigCommand } from './config-command.ts'

/** `nsctl config current-context`. */
export class ConfigCurrentContext extends ConfigCommand {
  static override summary = 'The name of the current context'
  static override description = 'Exits with 1 where none is current: then the embedded store is used.'
  static override examples = ['nsctl config current-context']

  override async run(): Promise<undefined> {
    await this.parse(ConfigCurrentContext)
    const { currentContext } = await this.readConfig()
    if (currentContext === undefined)
      throw new NsctlError('NotFound', 'no context is the current one', {
        next: 'choose one with nsctl config use-context NAME',
      })
    this.print(currentContext)
  }
}
