import * as Flags from '@oclif/core/flags'
import { NsctlCommand, usage } from './base.ts'

/** `nsctl version`: the client's version and, unless --client, the daemon's. */
export class Version extends NsctlCommand {
  static override summary = 'Versions of nsctl and of the daemon'
  static override examples = ['nsctl version', 'nsctl version --client -o json']
  static override flags = {
    client: Flags.boolean({ summary: 'Only the version of this executable; no store is opened.' }),
    output: Flags.string({ char: 'o', helpValue: 'json|yaml', summary: 'json or yaml.' }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(Version)
    const format = flags.output
    if (format !== undefined && format !== 'json' && format !== 'yaml')
      throw usage(`unknown output format: ${format}`, 'version', format)
    const versions = {
      client: { version: this.context.version, node: process.versions.node, platform: process.platform },
      ...(flags.client ? {} : { daemon: await this.#daemon() }),
    }
    if (format === 'json') return this.print(JSON.stringify(versions, null, 2)) as undefined
    if (format === 'yaml') {
      const { stringify } = await import('yaml')
      return this.print(stringify(versions)) as undefined
    }
    this.print(
      `Client: nsctl ${versions.client.version} (Node ${versions.client.node}, ${versions.client.platform})`,
    )
    if (versions.daemon === undefined) return
    this.print(
      versions.daemon.running
        ? `Daemon: nsctl ${versions.daemon.version ?? 'unknown'} (pid ${versions.daemon.pid ?? 'unknown'}, ${versions.daemon.runtime ?? 'unknown runtime'})`
        : 'Daemon: not running. Start it with nsctl up',
    )
  }

  async #daemon() {
    return (await this.client()).daemon()
  }
}
