import { NsctlCommand } from './base.ts'
import { daemonFlags, daemonLogger } from './daemon-flags.ts'
import { stopSignal } from './stop-signal.ts'

/** `nsctl controller`: the controllers alone. */
export class Controller extends NsctlCommand {
  static override summary = 'Run the controllers without an agent, one leading of several'
  static override description =
    'Run as many as you like over one store: one leads, the others stand by. A leader that is killed is followed within 5 s, one that stops in order at once.'
  static override examples = ['nsctl controller', 'nsctl controller --metrics-port 9465']
  static override flags = { ...daemonFlags }

  override async run(): Promise<number | undefined> {
    const { flags } = await this.parse(Controller)
    const { runController } = await import('../main/controller.ts')
    const { clock } = this.context
    const { origin } = this.place
    await runController(
      {
        ...this.chosenStore(),
        clock,
        logger: await daemonLogger(flags, this.context),
        ...(flags['metrics-port'] === undefined ? {} : { metricsPort: flags['metrics-port'] }),
        ...(flags['webhook-port'] === undefined ? {} : { webhookPort: flags['webhook-port'] }),
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
