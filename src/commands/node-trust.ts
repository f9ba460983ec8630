import * as Flags from '@oclif/core/flags'
import { NsctlError } from '../core/errors.ts'
import type { Node } from '../resources/generated/types.ts'
import { NsctlCommand, usage } from './base.ts'
import { isDryRun } from './dry-run.ts'
import * as shared from './flags.ts'
import { checkOutput, reportChanges } from './report.ts'
import { recipientKey } from './secret-recipients.ts'

/** `nsctl node trust NAME`. */
export class NodeTrust extends NsctlCommand {
  static override summary = 'Say which key a node has, so that it gets its Secrets'
  static override description =
    'The key of a node is pinned when it is first heard of, and what it says of itself later is compared, not believed: after a new host key it gets nothing until you say that the key is right. Without a flag the key that the node has now is taken: compare it with what the machine itself says.'
  static override examples = [
    'nsctl node trust alpha',
    'nsctl node trust alpha --host-key "$(ssh-keyscan -t ed25519 alpha)"',
    'nsctl node trust alpha --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p',
  ]
  static override args = { name: shared.argument({ required: true, description: 'The node.' }) }
  static override flags = {
    recipient: Flags.string({ helpValue: 'age1…', summary: 'The key, as age has it.' }),
    'host-key': Flags.string({
      helpValue: 'KEY',
      summary: 'The machine’s public ssh-ed25519 key, as in /etc/ssh/ssh_host_ed25519_key.pub.',
    }),
    'dry-run': shared.dryRun,
    output: shared.changeOutput,
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(NodeTrust)
    checkOutput(flags.output)
    const name = String(this.words[0])
    const { recipient, 'host-key': hostKey } = flags
    if (recipient !== undefined && hostKey !== undefined)
      throw usage('--recipient and --host-key exclude each other', 'node trust', name)
    const given = recipient ?? hostKey
    const key = given === undefined ? undefined : await recipientKey(given)
    const dryRun = isDryRun(flags['dry-run'])
    const client = await this.client(dryRun ? 'read' : 'write')
    const choose = (node: Node) => key ?? node.status?.recipient ?? noKey(name)
    const result = await client.trustNode(name, (node) => choose(node as unknown as Node), {
      actor: this.actor('node trust'),
      dryRun,
    })
    const { spec, status } = result.object as unknown as Node
    const before = (result.before as unknown as Node | undefined)?.spec?.recipient
    const was = before === undefined || before === spec?.recipient ? '' : ` (was ${before})`
    this.print(
      await reportChanges([result], {
        output: flags.output,
        dryRun,
        nowMs: this.context.clock.now(),
        words: ({ verdict }) => `${verdict}   ${spec?.recipient}${was}`,
      }),
    )
    if (status?.recipient !== undefined && status.recipient !== spec?.recipient)
      this.note(
        `warning: ${name} itself says that it has ${status.recipient}: it gets no Secret until both are the same`,
      )
  }
}

function noKey(name: string): never {
  throw new NsctlError('Failed', `node/${name} has not said which key it has`, {
    value: name,
    next: 'start its agent, or give the key: --host-key "$(ssh-keyscan -t ed25519 HOST)"',
  })
}
