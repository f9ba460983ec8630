import * as Flags from '@oclif/core/flags'
import type { Client } from '../client/client.ts'
import { delay } from '../core/clock.ts'
import { isNsctlError, NsctlError } from '../core/errors.ts'
import { parseDurationMs } from '../core/quantity.ts'
import type { NodeKnown } from '../main/bootstrap/plan.ts'
import type { Node } from '../resources/generated/types.ts'
import { NsctlCommand, usage } from './base.ts'
import { daemonFlags } from './daemon-flags.ts'
import * as shared from './flags.ts'
import { type MadeToken, makeJoinToken } from './join-token.ts'
import { sshFlags, sshWords } from './ssh-flags.ts'
import { type NodeFlags, nodeFlags, nodeOptions, nodeWords } from './up.ts'

/** Long enough for a slow machine to begin, and too short for a token that was overheard to be of use. */
const TOKEN_MS = 10 * 60 * 1000
const LOOK_EVERY_MS = 500

interface BootstrapFlags {
  readonly 'node-store': string | undefined
  readonly 'join-address': readonly string[] | undefined
  readonly 'metrics-port': number | undefined
}

/** `nsctl node bootstrap NAME --ssh USER@HOST`. */
export class NodeBootstrap extends NsctlCommand {
  static override summary = 'Make a machine that is reached over SSH a node: install, join, start its agent'
  static override description =
    'Sends nsctl and the Node that runs it, has the machine join under this name, installs its agent as a systemd unit, and waits until it is heard of. Run it again after anything went wrong, or to bring nsctl there up to date: what is done already is not done again, and what runs there goes on. A machine whose host key is not known is refused, with the fingerprint that it shows. The machine needs systemd 250 or newer, and reaches the store and a join listener by itself.'
  static override examples = [
    'nsctl node bootstrap n1 --ssh root@10.0.0.8',
    'nsctl node bootstrap n1 --ssh root@10.0.0.8 --host-key SHA256:uNiVztksCsDhcc0u9e8BrqQXVUpKZIDTMczCvj3tD2s',
    'nsctl node bootstrap n1 --ssh admin@n1.example.org --jump root@gate.example.org --identity-file ~/.ssh/id_nodes',
    'nsctl node bootstrap n1 --ssh root@10.0.0.8 --dry-run',
  ]
  static override args = {
    name: shared.argument({ required: true, description: 'What it is called as a node.' }),
  }
  static override flags = {
    ...sshFlags,
    address: nodeFlags.address,
    reserve: nodeFlags.reserve,
    listen: nodeFlags.listen,
    'caddy-admin': nodeFlags['caddy-admin'],
    'metrics-port': daemonFlags['metrics-port'],
    'node-store': Flags.string({
      helpValue: 'URL',
      summary: 'How the machine reaches the store, where that is not how the controllers do.',
    }),
    'join-address': Flags.string({
      helpValue: 'HOST:PORT',
      multiple: true,
      multipleNonGreedy: true,
      summary: 'Where the machine reaches a join listener; as the controllers say if left out.',
    }),
    timeout: Flags.string({
      helpValue: '60s',
      default: '60s',
      summary: 'How long to wait until it is Ready.',
    }),
    'dry-run': Flags.boolean({ summary: 'Look at the machine and say what would be done.' }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(NodeBootstrap)
    const name = await readName(String(this.words[0]))
    const timeoutMs = parseDurationMs(flags.timeout)
    await nodeOptions({ ...flags, node: undefined })
    const dryRun = flags['dry-run'] === true
    const client = await this.client(dryRun ? 'read' : 'write')
    const { openReach } = await import('../main/ssh/open.ts')
    const { bootstrap } = await import('../main/bootstrap/bootstrap.ts')
    const { clock, env, signal } = this.context
    const transport = await openReach(sshWords(flags), { env, clock, signal })
    try {
      const tokens: MadeToken[] = []
      const { hasChanged } = await bootstrap({
        ...{ transport, node: name, signal, dryRun, words: agentWords(flags) },
        known: await knownNode(client, name),
        makeToken: async () => {
          const token = await this.#token(client, name, flags)
          tokens.push(token)
          return token.text
        },
        tell: (line) => this.print(line),
      }).catch(async (error: unknown) => {
        // nobody shall join with it any more
        for (const { id } of tokens) await this.#takeBack(client, id)
        throw error
      })
      if (dryRun)
        return this.print(hasChanged ? `node/${name} would be set up` : `node/${name} unchanged`) as undefined
      await this.#untilReady(client, name, timeoutMs)
      this.print(`node/${name} ${hasChanged ? 'is Ready' : 'unchanged, Ready'}`)
    } finally {
      await transport.close()
    }
    return undefined
  }

  #token(client: Client, node: string, flags: BootstrapFlags): Promise<MadeToken> {
    const addresses = flags['join-address']
    return makeJoinToken(client, {
      ...{ nowMs: this.context.clock.now(), ttlMs: TOKEN_MS, uses: 1, node },
      ...(addresses === undefined ? {} : { addresses }),
      actor: this.actor('node bootstrap'),
    })
  }

  async #takeBack(client: Client, token: string): Promise<void> {
    await client
      .delete({ kind: 'JoinToken', name: token }, { actor: this.actor('node bootstrap') })
      .catch(() =>
        this.note(`jointoken/${token} is good for a few minutes more: nsctl node token delete ${token}`),
      )
  }

  async #untilReady(client: Client, name: string, timeoutMs: number): Promise<void> {
    const { clock, signal } = this.context
    const deadlineMs = clock.monotonic() + timeoutMs
    while (!(await knownNode(client, name)).isHeard) {
      if (clock.monotonic() > deadlineMs)
        throw new NsctlError('Timeout', `the agent of node/${name} runs, but the node is not Ready yet`, {
          value: name,
          next: `see nsctl describe node ${name}, and on the machine: journalctl -u nsctl-agent`,
        })
      await delay(clock, LOOK_EVERY_MS, signal)
    }
  }
}

function agentWords(flags: Omit<NodeFlags, 'node'> & BootstrapFlags): readonly string[] {
  const { 'node-store': store, 'metrics-port': port } = flags
  return [
    ...nodeWords({ ...flags, node: undefined }),
    ...(store === undefined ? [] : ['--store', store]),
    ...(port === undefined ? [] : ['--metrics-port', String(port)]),
  ]
}

async function readName(text: string): Promise<string> {
  const { nodeName } = await import('../main/claim.ts')
  if (nodeName(text) === text && text.length <= 253) return text
  throw usage(`${JSON.stringify(text)} is no name of a node`, 'node bootstrap', text)
}

async function knownNode(client: Client, name: string): Promise<NodeKnown> {
  const node = await client.get<Node>({ kind: 'Node', name }).catch((error: unknown) => {
    if (isNsctlError(error, 'NotFound')) return undefined
    throw error
  })
  return { exists: node !== undefined, isHeard: node?.status?.phase === 'Ready' }
}
