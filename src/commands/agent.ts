import { readFile } from 'node:fs/promises'
import * as Flags from '@oclif/core/flags'
import { messageOf, NsctlError } from '../core/errors.ts'
import { NsctlCommand } from './base.ts'
import { daemonFlags, daemonLogger } from './daemon-flags.ts'
import { stopSignal } from './stop-signal.ts'
import { type NodeFlags, nodeFlags, nodeOptions, nodeWords } from './up.ts'

/** `nsctl agent`: this machine as a node of others' control plane. */
export class Agent extends NsctlCommand {
  static override summary = 'Run this machine’s agent alone, as a node that has joined'
  static override description =
    'Joins with a token the first time (nsctl node token create), and gets a certificate and a credential for the store that reaches its own Instances, Deliveries and status and nothing else. From then on it starts without one. It goes on while the control plane and the store are away, and after a boot starts what ran before. The token can also be in NSCTL_JOIN_TOKEN.'
  static override examples = [
    'nsctl agent --join-token-file token',
    'nsctl agent --join-token-file - < token',
    'nsctl agent --store consul://10.0.0.1:8500/nsctl',
    'sudo nsctl agent --install --join-token-file - < token',
    'sudo nsctl agent --uninstall',
  ]
  static override flags = {
    'join-token-file': Flags.string({
      helpValue: 'FILE',
      summary: 'A join token; - is standard input. Not looked at where the machine has joined with it.',
    }),
    runtime: Flags.string({
      summary: 'What runs programs.',
      options: ['auto', 'systemd', 'process'],
      default: 'auto',
    }),
    install: Flags.boolean({
      summary:
        'Join where it has to, install and start it as a systemd unit that survives reboots, then return. The token is in no file and no unit.',
    }),
    uninstall: Flags.boolean({
      summary: 'Stop and remove that unit; what runs goes on.',
      exclusive: ['install', 'join-token-file'],
    }),
    ...nodeFlags,
    'metrics-port': daemonFlags['metrics-port'],
    'log-level': daemonFlags['log-level'],
    'log-format': daemonFlags['log-format'],
  }

  override async run(): Promise<number | undefined> {
    const { flags } = await this.parse(Agent)
    if (flags.uninstall) return this.#uninstall()
    if (flags.install) return this.#install(flags)
    const { runAgent } = await import('../main/agent.ts')
    const { clock } = this.context
    const { env, store: chosen } = this.chosenStore()
    const store = chosen ?? (env.NSCTL_STORE || undefined)
    const joinToken = await this.#token(flags['join-token-file'])
    const metricsPort = flags['metrics-port']
    await runAgent(
      {
        ...(await nodeOptions(flags)),
        env,
        clock,
        logger: await daemonLogger(flags, this.context),
        runtime: flags.runtime as 'auto' | 'systemd' | 'process',
        ...(store === undefined ? {} : { store }),
        ...(joinToken === undefined ? {} : { joinToken }),
        ...(metricsPort === undefined ? {} : { metricsPort }),
        onJoined: ({ node }) => this.print(`joined as node ${node}`),
        onReady: ({ node, storeUrl, runtime, reached }) =>
          this.print(
            `agent of node ${node}, ${runtime}, store ${storeUrl}, reached at ${reached.addresses[0]}`,
          ),
      },
      stopSignal(this.context.signal),
    )
    this.print('stopped; what runs goes on')
    return undefined
  }

  async #install(flags: AgentFlags): Promise<undefined> {
    const { installAgent } = await import('../main/install-agent.ts')
    const { clock, signal } = this.context
    const { env, store: chosen } = this.chosenStore()
    const store = chosen ?? (env.NSCTL_STORE || undefined)
    const joinToken = await this.#token(flags['join-token-file'])
    const { node } = await nodeOptions(flags)
    const lines = await installAgent({
      ...{ env, clock, signal, logger: await daemonLogger(flags, this.context) },
      runtime: flags.runtime as 'auto' | 'systemd' | 'process',
      words: agentWords(flags),
      ...(node === undefined ? {} : { node }),
      ...(store === undefined ? {} : { store }),
      ...(joinToken === undefined ? {} : { joinToken }),
    })
    for (const line of lines) this.print(line)
    return undefined
  }

  async #uninstall(): Promise<undefined> {
    const { uninstallAgent } = await import('../main/install-agent.ts')
    const done = await uninstallAgent(this.context.env)
    for (const line of done) this.print(line)
    if (done.length === 0) this.print('no agent is installed here')
    else this.print('what runs goes on; nsctl down ends it')
    return undefined
  }

  /** Never a word of the command line: those are everybody's to see. */
  async #token(file: string | undefined): Promise<string | undefined> {
    if (file === undefined) return this.context.env.NSCTL_JOIN_TOKEN || undefined
    if (file === '-') return (await this.context.readStdin()).toString()
    try {
      return await readFile(file, 'utf8')
    } catch (cause) {
      throw new NsctlError('Usage', `--join-token-file cannot be read: ${messageOf(cause)}`, {
        value: file,
        next: 'name the file with what nsctl node token create printed',
        cause,
      })
    }
  }
}

interface AgentFlags extends NodeFlags {
  readonly runtime: string
  readonly 'join-token-file': string | undefined
  readonly 'metrics-port': number | undefined
  readonly 'log-level': string
  readonly 'log-format': string
}

/** The same flags for the unit that starts it from now on; its name and store it has from having joined. */
function agentWords(flags: AgentFlags): readonly string[] {
  const port = flags['metrics-port']
  return [
    ...nodeWords({ ...flags, node: undefined }),
    ...(port === undefined ? [] : ['--metrics-port', String(port)]),
    ...(flags['log-level'] === 'info' ? [] : ['--log-level', flags['log-level']]),
    ...(flags['log-format'] === 'text' ? [] : ['--log-format', flags['log-format']]),
  ]
}
