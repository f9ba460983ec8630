import { runPlainWatch } from '../views/plain-watch.ts'
import { NsctlCommand } from './base.ts'
import * as flags from './flags.ts'

/** `nsctl watch`: services, instances and events, live. */
export class Watch extends NsctlCommand {
  static override summary = 'Services, instances and events, live in one screen'
  static override examples = ['nsctl watch', 'nsctl watch -n shop', 'nsctl watch -A | tee changes.log']
  static override flags = { 'all-namespaces': flags.allNamespaces }

  override async run(): Promise<number> {
    const { flags } = await this.parse(Watch)
    const { clock, signal, stdout, userName } = this.context
    const namespace = flags['all-namespaces'] ? {} : { namespace: this.namespace }
    if (!stdout.isTTY) {
      const client = await this.client()
      await runPlainWatch({ client, clock, signal, ...namespace, write: (text) => stdout.write(text) })
      return 0
    }
    // the keys write
    const client = await this.client('write')
    const { runTui } = await import('../views/tui/tui.ts')
    await runTui({ client, clock, signal, userName, isColoured: this.colour, ...namespace })
    return 0
  }
}
