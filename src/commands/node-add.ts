import * as Flags from '@oclif/core/flags'
import type { Client } from '../client/client.ts'
import { delay } from '../core/clock.ts'
import { isNsctlError, NsctlError } from '../core/errors.ts'
import { deepEqual } from '../core/json.ts'
import { parseDurationMs } from '../core/quantity.ts'
import type { Node, NodeSsh } from '../resources/generated/types.ts'
import { API_VERSION } from '../resources/object.ts'
import { NsctlCommand, usage } from './base.ts'
import * as shared from './flags.ts'
import { sshFlags, sshWords } from './ssh-flags.ts'

const LOOK_EVERY_MS = 250

/** `nsctl node add NAME --ssh USER@HOST`. */
export class NodeAdd extends NsctlCommand {
  static override summary = 'Make a machine a node that is looked after over SSH'
  static override description =
    'Nothing of nsctl runs there. Looks whether the machine will do, then writes a Node that says how it is reached; a process of the control plane that reaches it runs its instances from afar, and another goes on where that one ends. The machine needs systemd 250 or newer, an sshd that lets us in as root and forwards streams, and sh, tar and coreutils. Its host key is known from OpenSSH’s files or given by --host-key, and pinned in the Node; any other is refused, with the fingerprint that it shows. The key to log in with is on the machines of the controllers. Containers, a terminal beside a program and a load balancer take an agent: nsctl node bootstrap.'
  static override examples = [
    'nsctl node add n1 --ssh root@10.0.0.8',
    'nsctl node add n1 --ssh root@10.0.0.8 --host-key SHA256:uNiVztksCsDhcc0u9e8BrqQXVUpKZIDTMczCvj3tD2s',
    'nsctl node add n1 --ssh root@n1.example.org --jump root@gate.example.org --identity-file /etc/nsctl/id_nodes',
    'nsctl node add n1 --ssh root@10.0.0.8 --dry-run',
  ]
  static override args = {
    name: shared.argument({ required: true, description: 'What it is called as a node.' }),
  }
  static override flags = {
    ...sshFlags,
    ssh: Flags.string({
      helpValue: 'USER@HOST[:PORT]',
      required: true,
      summary: 'Where the machine is, and as whom to log in: root.',
    }),
    timeout: Flags.string({
      helpValue: '30s',
      default: '30s',
      summary: 'How long to wait until it is Ready; 0s waits for nothing.',
    }),
    'dry-run': Flags.boolean({ summary: 'Look at the machine, and change nothing.' }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(NodeAdd)
    const name = await readName(String(this.words[0]))
    const timeoutMs = parseDurationMs(flags.timeout)
    const dryRun = flags['dry-run'] === true
    const client = await this.client(dryRun ? 'read' : 'write')
    const before = await nodeOf(client, name)
    if (before !== undefined && before.spec?.ssh === undefined && before.status?.phase === 'Ready')
      throw new NsctlError('Conflict', `node/${name} has an agent of its own`, {
        value: name,
        next: 'take another name, or end that agent first: nsctl agent --uninstall, there',
      })
    const ssh = await this.#look(client, name, flags)
    const isSame = deepEqual(before?.spec?.ssh, ssh)
    if (dryRun) {
      this.print(
        `node/${name} ${isSame ? 'unchanged' : before === undefined ? 'would be added' : 'would be changed'}\n`,
      )
      return undefined
    }
    if (!isSame) await this.#write(client, name, ssh, before !== undefined)
    if (timeoutMs > 0) await this.#untilReady(client, name, timeoutMs)
    const what = isSame ? 'unchanged' : before === undefined ? 'added' : 'changed'
    this.print(`node/${name} ${what}${timeoutMs > 0 ? ', Ready' : ''}\n`)
    return undefined
  }

  /** How the machine is reached, once it has shown that it can be looked after. */
  async #look(client: Client, node: string, flags: Parameters<typeof sshWords>[0]): Promise<NodeSsh> {
    const { clock, env, signal } = this.context
    const [{ openReach }, { assertFit }] = await Promise.all([
      import('../main/ssh/open.ts'),
      import('../main/agentless/fitness.ts'),
    ])
    const words = sshWords(flags)
    const transport = await openReach(words, { env, clock, signal })
    try {
      await assertFit(transport, { node, storeUrl: client.storeUrl }, signal)
      const { resolve } = await import('node:path')
      return {
        target: words.target,
        hostKey: transport.hostKey.line,
        ...(words.jumps === undefined ? {} : { jumps: [...words.jumps] }),
        ...(words.identityFile === undefined ? {} : { identityFile: resolve(words.identityFile) }),
      }
    } finally {
      await transport.close()
    }
  }

  async #write(client: Client, name: string, ssh: NodeSsh, exists: boolean): Promise<void> {
    const how = { actor: this.actor('node add'), dryRun: false }
    if (exists) {
      // what the former way had and this one has not must go
      const cleared = { jumps: null, identityFile: null, ...ssh }
      await client.patch({ kind: 'Node', name }, 'merge', { spec: { ssh: cleared } }, how)
      return
    }
    const object = { apiVersion: API_VERSION, kind: 'Node', metadata: { name }, spec: { ssh } }
    await client.create({ object, source: 'node add' }, how)
  }

  async #untilReady(client: Client, name: string, timeoutMs: number): Promise<void> {
    const { clock, signal } = this.context
    const deadlineMs = clock.monotonic() + timeoutMs
    while ((await nodeOf(client, name))?.status?.phase !== 'Ready') {
      if (clock.monotonic() > deadlineMs) throw await notReady(client, name)
      await delay(clock, LOOK_EVERY_MS, signal)
    }
  }
}

async function notReady(client: Client, name: string): Promise<NsctlError> {
  const { running } = await client.daemon()
  const why = running ? 'no controller looks after it yet' : 'nobody acts on this store'
  return new NsctlError('Timeout', `node/${name} is written down, but not Ready: ${why}`, {
    value: name,
    next: running
      ? 'see whether the controllers reach it, and have the key to log in: their logs say why not'
      : 'start nsctl controller or nsctl up, where the key to log in is',
  })
}

async function readName(text: string): Promise<string> {
  const { nodeName } = await import('../main/claim.ts')
  if (nodeName(text) === text && text.length <= 253) return text
  throw usage(`${JSON.stringify(text)} is no name of a node`, 'node add', text)
}

async function nodeOf(client: Client, name: string): Promise<Node | undefined> {
  return await client.get<Node>({ kind: 'Node', name }).catch((error: unknown) => {
    if (isNsctlError(error, 'NotFound')) return undefined
    throw error
  })
}
