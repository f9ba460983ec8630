import * as Flags from '@oclif/core/flags'
import { portOf } from '../client/beside.ts'
import { NsctlError } from '../core/errors.ts'
import { NsctlCommand, usage } from './base.ts'
import * as flags from './flags.ts'
import { type Forwarding, forward } from './forwarding.ts'
import { namedInstances, preferredInstance } from './instances.ts'

/** `nsctl port-forward`: ports of an instance on this machine. */
export class PortForward extends NsctlCommand {
  static override summary = 'Forward ports of this machine to an instance, on whichever node'
  static override description =
    'Listens here until it is stopped, and leads each connection to the port of an instance. Where a service is named, a connection goes to one of its ready instances: to another once that one has ended. Only ports that the instance has are reached, by number or by name.'
  static override examples = [
    'nsctl port-forward web-0 8080:http',
    'nsctl port-forward service/web 8080:80',
    'nsctl port-forward web-0 :http',
    'nsctl port-forward service/web 8080:http 9090:metrics --address 0.0.0.0',
  ]
  static override usage = 'port-forward INSTANCE | TYPE/NAME [LOCAL:]PORT… [flags]'
  static override args = {
    instance: flags.argument({
      multiple: true,
      description: 'An instance (web-0) or TYPE/NAME, and ports: LOCAL:PORT, PORT, or :PORT for any here.',
    }),
  }
  static override flags = {
    address: Flags.string({
      helpValue: 'IP',
      default: '127.0.0.1',
      summary: 'Where to listen on this machine. Whoever reaches it reaches the instance.',
    }),
  }

  override async run(): Promise<undefined> {
    const { flags: given } = await this.parse(PortForward)
    const [name, ...ports] = this.words
    if (name === undefined) throw usage('no instance was named', 'port-forward')
    if (ports.length === 0) throw usage('no port was named', 'port-forward', name)
    const client = await this.client()
    // said now, and not with the first connection
    const { instances } = await namedInstances(client, [name], this.namespace, 'port-forward')
    if (instances.length === 0)
      throw new NsctlError('NotFound', `${name} has no instance to forward to`, {
        value: name,
        next: 'see: nsctl get instances',
      })
    const wanted = ports.map(readPorts)
    const instance = preferredInstance(instances)
    if (instance?.status !== undefined) for (const { port } of wanted) portOf({ instance, port })
    const { signal, clock } = this.context
    const one: Omit<Forwarding, 'local' | 'port'> = {
      ...{ client, clock, name, address: given.address, namespace: this.namespace },
      note: (text) => this.note(text),
      tell: (text) => this.print(text),
    }
    await Promise.all(wanted.map((each) => forward({ ...one, ...each }, signal)))
  }
}

/** `8080:http`, `8080`, `:http`. */
function readPorts(text: string): { readonly local: number; readonly port: string } {
  const [, own = '', port = ''] = /^(?:(\d{0,5}):)?([\w-]+)$/.exec(text) ?? []
  const isNumber = /^\d+$/.test(port)
  const isAny = text.startsWith(':') || (!text.includes(':') && !isNumber)
  const local = isAny ? 0 : Number(own || port)
  if (port !== '' && local <= 65_535 && !(isNumber && Number(port) > 65_535)) return { local, port }
  throw usage(
    `no port: ${text}`,
    'port-forward',
    text,
    'write it like 8080:http, 8080:3000, or :http for any here',
  )
}
