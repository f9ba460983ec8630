import * as Flags from '@oclif/core/flags'
import { NsctlCommand } from './base.ts'
import { daemonFlags, daemonLogger, nodeGrace } from './daemon-flags.ts'
import { stopSignal } from './stop-signal.ts'

/** `nsctl controller`: the controllers alone. */
export class Controller extends NsctlCommand {
  static override summary = 'Run the controllers without an agent, one leading of several'
  static override description =
    'Run as many as you like over one store: one leads, the others stand by. A leader that is killed is followed within 5 s, one that stops in order at once.'
  static override examples = [
    'nsctl controller',
    'nsctl controller --metrics-port 9465',
    'nsctl controller --join-listen 10.0.0.1:9443 --listen 10.0.0.1',
  ]
  static override flags = {
    'join-listen': Flags.string({
      helpValue: 'ADDRESS:PORT',
      summary:
        'Let machines join here with a token (nsctl node token create), over TLS. The token of Consul needs acl = "write".',
    }),
    listen: Flags.string({
      helpValue: 'ADDRESS',
      summary:
        'An address of this machine at which nodes without an agent (nsctl node add) answer logs, exec, cp and port-forward, over TLS, each at a port of its own; loopback, if left out.',
    }),
    ...daemonFlags,
  }

  override async run(): Promise<number | undefined> {
    const { flags } = await this.parse(Controller)
    const [{ runController }, { readHost }] = await Promise.all([
      import('../main/controller.ts'),
      import('../main/listening/listen.ts'),
    ])
    const { clock } = this.context
    const { origin } = this.place
    await runController(
      {
        ...this.chosenStore(),
        clock,
        logger: await daemonLogger(flags, this.context),
        ...nodeGrace(flags),
        ...(flags['metrics-port'] === undefined ? {} : { metricsPort: flags['metrics-port'] }),
        ...(flags['webhook-port'] === undefined ? {} : { webhookPort: flags['webhook-port'] }),
        ...(flags['join-listen'] === undefined ? {} : { joinListen: flags['join-listen'] }),
        ...(flags.listen === undefined ? {} : { listen: readHost(flags.listen, '--listen') }),
        onJoinable: (address) => this.print(`machines can join at ${address}: nsctl node token create`),
        onReady: ({ storeUrl, leader }) => {
          const standing = leader === undefined ? '' : `; standing by for pid ${leader.pid} on ${leader.host}`
          const context = origin === undefined ? '' : `, context ${origin}`
          this.print(`controller of ${storeUrl}${context}${standing}`)
        },
        onLeading: (epoch) => this.print(`leading, term ${epoch}`),
      },
      stopSignal(this.context.signal),
    )
    this.print('stopped; another controller leads, if there is one')
    return undefined
  }
}
