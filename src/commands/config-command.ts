/** What the verbs below `config` share: the file of contexts, read or changed. None of them opens a store. */

import { changeConfigFile } from '../main/config/change.ts'
import { type Config, contextNamed, EMPTY_CONFIG, noContext } from '../main/config/config.ts'
import { readConfigFile, shownPath } from '../main/config/read.ts'
import { configFileOf } from '../main/paths.ts'
import { NsctlCommand } from './base.ts'

export abstract class ConfigCommand extends NsctlCommand {
  /** The file, as messages name it. */
  protected get file(): string {
    return shownPath(configFileOf(this.context.env))
  }

  /** What the file says; an empty config where there is none. */
  protected async readConfig(): Promise<Config> {
    const file = await readConfigFile(configFileOf(this.context.env))
    if (file?.warning !== undefined) this.note(file.warning)
    return file?.config ?? EMPTY_CONFIG
  }

  protected change(edit: (config: Config) => Config): Promise<Config> {
    const { env, clock, signal } = this.context
    return changeConfigFile({ path: configFileOf(env), clock, signal }, edit)
  }

  /** Throws NotFound, naming what there is. */
  protected mustHave(config: Config, name: string): void {
    if (contextNamed(config, name) === undefined) throw noContext(config, name, this.file)
  }
}
