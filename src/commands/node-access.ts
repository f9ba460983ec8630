import * as Flags from '@oclif/core/flags'
import { parseDurationMs } from '../core/quantity.ts'
import { NsctlCommand, usage } from './base.ts'
import * as shared from './flags.ts'

/** It cannot be taken back before its end. */
const LONGEST_MS = 7 * 24 * 60 * 60 * 1000

/** `nsctl node access create`. */
export class NodeAccess extends NsctlCommand {
  static override summary = 'Let somebody use exec, logs, cp and port-forward from another machine'
  static override description =
    'Prints a certificate and its key, with which agents answer whoever has them until its end; it cannot be taken back before. Whoever is on a machine with the control plane’s identity needs none. To be kept like a password, in a file that only its user reads, and named with NSCTL_NODE_ACCESS. With -n it reaches that namespace only.'
  static override usage = 'node access create [flags]'
  static override examples = [
    'nsctl node access create > access && chmod 600 access',
    'nsctl node access create --for 1h --name ada -n shop > access',
    'NSCTL_NODE_ACCESS=access nsctl logs service/web -f',
  ]
  static override args = {
    action: shared.argument({ multiple: true, description: 'create.' }),
  }
  static override flags = {
    for: Flags.string({ helpValue: '8h', default: '8h', summary: 'How long it is good, 7d at most.' }),
    name: Flags.string({ helpValue: 'WHO', summary: 'Whose it is, for records; yours if left out.' }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(NodeAccess)
    const [action, ...more] = this.words
    if (action !== 'create' || more.length > 0)
      throw usage('what is to be done is create', 'node access', this.words.join(' '))
    const forMs = parseDurationMs(flags.for)
    if (!(forMs > 0 && forMs <= LONGEST_MS))
      throw usage('--for is more than 0s and at most 7d', 'node access', flags.for)
    const { issueAccess } = await import('../main/listening/access.ts')
    const { env } = this.chosenStore()
    const { clock, userName } = this.context
    const namespace = this.givenNamespace
    const api = await this.client('read')
    const name = flags.name ?? userName
    this.print(
      await issueAccess({ api, env, clock, name, forMs, ...(namespace === undefined ? {} : { namespace }) }),
    )
    this.note(
      `for ${name}, ${namespace === undefined ? 'every namespace' : `namespace ${namespace}`}, ${flags.for}: keep it as you would a password (chmod 600), and name it with NSCTL_NODE_ACCESS`,
    )
  }
}
