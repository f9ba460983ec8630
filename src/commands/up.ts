import * as Flags from '@oclif/core/flags'
import { NsctlError } from '../core/errors.ts'
import type { Environment } from '../main/paths.ts'
import { NsctlCommand, usage } from './base.ts'
import { daemonFlags, daemonLogger } from './daemon-flags.ts'
import { stopSignal } from './stop-signal.ts'

/** `nsctl up`: everything in one process. */
export class Up extends NsctlCommand {
  static override summary = 'Run the control plane and this machine’s agent'
  static override description =
    'Makes the store true on this machine until it is stopped. Ending it ends no workload, unless --own is given. Uses systemd where a manager answers, else supervises plain processes. With a store in Consul ready instances answer over its DNS.'
  static override examples = [
    'nsctl up',
    'nsctl up --own',
    'nsctl up --runtime process --metrics-port 9464',
    'nsctl up --store consul://127.0.0.1:8500/nsctl',
    'sudo nsctl up --install',
  ]
  static override flags = {
    own: Flags.boolean({ summary: 'Stop every workload when this process ends.' }),
    runtime: Flags.string({
      summary: 'What runs programs.',
      options: ['auto', 'systemd', 'process'],
      default: 'auto',
    }),
    install: Flags.boolean({
      summary: 'Install and start it as a systemd unit that survives reboots, then return.',
    }),
    ...daemonFlags,
    'metrics-port': Flags.integer({
      summary: 'Serve /metrics and /healthz on this loopback port; on any that is free if left out.',
      min: 0,
      max: 65535,
    }),
    'no-metrics': Flags.boolean({
      summary: 'Serve neither; triggers on cpu, memory and io then find nothing.',
      exclusive: ['metrics-port'],
    }),
  }

  override async run(): Promise<number | undefined> {
    const { flags } = await this.parse(Up)
    const runtime = flags.runtime as 'auto' | 'systemd' | 'process'
    if (flags.install) {
      if (flags.own)
        throw usage(
          '--own and --install exclude each other: an installed daemon leaves workloads alone',
          'up',
        )
      const { installDaemon } = await import('../main/install.ts')
      const { clock, signal } = this.context
      const { variables = {}, origin } = this.place
      refuseSecrets(variables, origin)
      const lines = await installDaemon({ ...this.chosenStore(), variables, clock, signal, runtime })
      for (const line of lines) this.print(line)
      return undefined
    }
    const { runDaemon } = await import('../main/daemon.ts')
    const { clock } = this.context
    const { origin } = this.place
    const startedMs = clock.monotonic()
    const stop = stopSignal(this.context.signal)
    await runDaemon(
      {
        ...this.chosenStore(),
        clock,
        logger: await daemonLogger(flags, this.context),
        runtime,
        own: flags.own,
        ...(flags['no-metrics'] ? {} : { metricsPort: flags['metrics-port'] ?? 0 }),
        ...(flags['webhook-port'] === undefined ? {} : { webhookPort: flags['webhook-port'] }),
        onReady: (ready) => {
          const seconds = ((clock.monotonic() - startedMs) / 1000).toFixed(1)
          this.print(`nsctl ${this.context.version} is ready after ${seconds} s on node ${ready.node}`)
          this.print(`  store    ${ready.storeUrl}${origin === undefined ? '' : `   context ${origin}`}`)
          this.print(`  runtime  ${ready.runtime}`)
          if (ready.cannot.length > 0) this.print(`           does not enforce ${ready.cannot.join(', ')}`)
          this.print(`  next     nsctl apply -f examples/quickstart    (in another terminal)`)
          this.print(
            `  Ctrl-C   ${flags.own ? 'stops it and everything that it runs' : 'stops it; what runs goes on'}`,
          )
        },
      },
      stop,
    )
    this.print(flags.own ? 'stopped, with everything that it ran' : 'stopped; what runs goes on')
    return undefined
  }
}

/** Everybody may read a unit. */
function refuseSecrets(variables: Environment, origin: string | undefined): void {
  if (!variables.CONSUL_HTTP_TOKEN && !variables.ETCDCTL_PASSWORD) return
  throw new NsctlError('Unsupported', `context ${origin} holds a secret, which a unit cannot keep`, {
    next: 'keep the token in a file and name that: nsctl config set-context NAME --token-file FILE; or authenticate with a client certificate',
  })
}
