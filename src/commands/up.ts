import * as Flags from '@oclif/core/flags'
import { NsctlError } from '../core/errors.ts'
import type { NodeOptions } from '../main/node-options.ts'
import type { Environment } from '../main/paths.ts'
import { NsctlCommand, usage } from './base.ts'
import { daemonFlags, daemonLogger, nodeGrace } from './daemon-flags.ts'
import { stopSignal } from './stop-signal.ts'

/** What is said of this machine as a node. */
export const nodeFlags = {
  node: Flags.string({
    helpValue: 'NAME',
    summary:
      'What this machine is called as a node; by its host name if left out. Kept from the first start on.',
  }),
  address: Flags.string({
    helpValue: 'IP',
    multiple: true,
    summary: 'Where its instances are reached; as the store is reached from here if left out.',
  }),
  reserve: Flags.string({
    helpValue: 'cpu=500m,memory=1Gi',
    summary: 'What is kept for the system; 5 % of the memory, 1Gi at most, if left out.',
  }),
  listen: Flags.string({
    helpValue: 'ADDRESS:PORT',
    summary:
      'Where its agent answers logs, exec, cp and port-forward of other machines, over TLS; loopback, any port, if left out.',
  }),
  'caddy-admin': Flags.string({
    helpValue: 'URL',
    summary:
      'Where this machine’s Caddy is configured, http://127.0.0.1:2019 or unix:///run/caddy/admin.sock: it leads requests to exposed Services.',
  }),
}

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
    ...nodeFlags,
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
    const node = await nodeOptions(flags)
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
      const words = nodeWords(flags)
      const lines = await installDaemon({ ...this.chosenStore(), variables, clock, signal, runtime, words })
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
        ...node,
        clock,
        logger: await daemonLogger(flags, this.context),
        ...nodeGrace(flags),
        runtime,
        own: flags.own,
        ...(flags['no-metrics'] ? {} : { metricsPort: flags['metrics-port'] ?? 0 }),
        ...(flags['webhook-port'] === undefined ? {} : { webhookPort: flags['webhook-port'] }),
        onReady: (ready) => {
          const seconds = ((clock.monotonic() - startedMs) / 1000).toFixed(1)
          this.print(`nsctl ${this.context.version} is ready after ${seconds} s on node ${ready.node}`)
          this.print(`  store    ${ready.storeUrl}${origin === undefined ? '' : `   context ${origin}`}`)
          this.print(`  runtime  ${ready.runtime}`)
          this.print(`  address  ${ready.reached.addresses[0]}   ${ready.reached.why}`)
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

export interface NodeFlags {
  readonly node: string | undefined
  readonly address: readonly string[] | undefined
  readonly reserve: string | undefined
  readonly listen: string | undefined
  readonly 'caddy-admin': string | undefined
}

/** What those flags say. @throws NsctlError Usage */
export async function nodeOptions(flags: NodeFlags): Promise<NodeOptions> {
  const { node, address, reserve, listen, 'caddy-admin': caddyAdmin } = flags
  if ((node ?? address ?? reserve ?? listen ?? caddyAdmin) === undefined) return {}
  const { readAddresses, readNodeName, readReserve } = await import('../main/node-options.ts')
  const { readListen } = await import('../main/listening/listen.ts')
  return {
    ...(node === undefined ? {} : { node: readNodeName(node) }),
    ...(address === undefined ? {} : { addresses: readAddresses(address) }),
    ...(reserve === undefined ? {} : { reserve: readReserve(reserve) }),
    ...(listen === undefined ? {} : { listen: readListen(listen, '--listen') }),
    ...(caddyAdmin === undefined ? {} : { caddyAdmin }),
  }
}

/** The same flags for the unit that starts it from now on. */
export function nodeWords({
  node,
  address = [],
  reserve,
  listen,
  'caddy-admin': caddy,
}: NodeFlags): readonly string[] {
  return [
    ...(node === undefined ? [] : ['--node', node]),
    ...address.flatMap((one) => ['--address', one]),
    ...(reserve === undefined ? [] : ['--reserve', reserve]),
    ...(listen === undefined ? [] : ['--listen', listen]),
    ...(caddy === undefined ? [] : ['--caddy-admin', caddy]),
  ]
}

/** Everybody may read a unit. */
function refuseSecrets(variables: Environment, origin: string | undefined): void {
  if (!variables.CONSUL_HTTP_TOKEN && !variables.ETCDCTL_PASSWORD) return
  throw new NsctlError('Unsupported', `context ${origin} holds a secret, which a unit cannot keep`, {
    next: 'keep the token in a file and name that: nsctl config set-context NAME --token-file FILE; or authenticate with a client certificate',
  })
}
