import { NsctlCommand } from './base.ts'
import * as shared from './flags.ts'
import { helpOfTopic, helpOfVerb, isTopic, overview } from './help.ts'
import { VERB_NAMES } from './table.ts'

/** `nsctl help [COMMAND]`. */
export class Help extends NsctlCommand {
  static override summary = 'Help on a command'
  static override examples = ['nsctl help apply', 'nsctl help rollout status']
  static override args = { command: shared.argument({ multiple: true, description: 'One word or two.' }) }

  override async run(): Promise<undefined> {
    await this.parse(Help)
    const name = this.words.join(' ')
    if (name === '') this.print(overview())
    else if (!VERB_NAMES.has(name) && isTopic(name)) this.print(helpOfTopic(name))
    else this.print(await helpOfVerb(name))
  }
}
