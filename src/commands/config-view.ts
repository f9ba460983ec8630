import * as Flags from '@oclif/core/flags'
import { documentOf, redactedConfig } from '../main/config/config.ts'
import { toYaml } from '../resources/manifest.ts'
import { ConfigCommand } from './config-command.ts'

/** `nsctl config view`. */
export class ConfigView extends ConfigCommand {
  static override summary = 'The file of contexts, without its secrets'
  static override examples = ['nsctl config view', 'nsctl config view -o json', 'nsctl config view --raw']
  static override flags = {
    output: Flags.string({
      char: 'o',
      helpValue: 'yaml|json',
      options: ['yaml', 'json'],
      default: 'yaml',
      summary: 'yaml or json.',
    }),
    raw: Flags.boolean({ summary: 'With tokens and passwords.' }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(ConfigView)
    const config = await this.readConfig()
    const shown = documentOf(flags.raw ? config : redactedConfig(config))
    this.print(flags.output === 'json' ? JSON.stringify(shown, null, 2) : await toYaml(shown))
  }
}
