import { NsctlError } from '../core/errors.ts'
import { checkContextName, contextNamed, withContextRenamed } from '../main/config/config.ts'
import { ConfigCommand } from './config-command.ts'
import * as shared from './flags.ts'

/** `nsctl config rename-context OLD NEW`. */
export class ConfigRenameContext extends ConfigCommand {
  static override summary = 'Give a context another name'
  static override description = 'The current context stays the current one.'
  static override examples = ['nsctl config rename-context prod prod-eu']
  static override args = {
    old: shared.argument({ required: true, description: 'The name that it has.' }),
    new: shared.argument({ required: true, description: 'The name that it gets.' }),
  }

  override async run(): Promise<undefined> {
    await this.parse(ConfigRenameContext)
    const [from, to] = this.words as readonly [string, string]
    checkContextName(to)
    await this.change((config) => {
      this.mustHave(config, from)
      if (contextNamed(config, to) !== undefined)
        throw new NsctlError('AlreadyExists', `there is a context ${to} in ${this.file} already`, {
          value: to,
          next: `choose another name, or forget that one: nsctl config delete-context ${to}`,
        })
      return withContextRenamed(config, from, to)
    })
    this.print(`context/${from} renamed to ${to}`)
  }
}
