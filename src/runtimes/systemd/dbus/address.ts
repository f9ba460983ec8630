/** Where systemd's manager listens. */
import { join } from 'node:path'
import type { Duplex } from 'node:stream'

export type ManagerScope = 'system' | 'user'

/** One way to a manager. */
export interface Endpoint {
  /** A socket's path, or `\0name` in the abstract namespace. */
  readonly socketPath: string
  /** A message bus stands between: Hello, AddMatch, Subscribe, and few calls at a time. */
  readonly bus: boolean
  /** Opens the way there, where it leads to another machine; who connects is then `uid` there. */
  readonly remote?: RemoteWay
}

export interface RemoteWay {
  readonly uid: number
  open(signal: AbortSignal): Promise<Duplex>
}

/** The ways to try, best first: the manager's own socket (only for its own user), then the message bus. */
export function endpoints(
  scope: ManagerScope,
  environment: Readonly<Record<string, string | undefined>>,
): readonly Endpoint[] {
  const runtimeDir = environment.XDG_RUNTIME_DIR
  if (scope === 'system')
    return [
      { socketPath: '/run/systemd/private', bus: false },
      ...busSockets(environment.DBUS_SYSTEM_BUS_ADDRESS ?? 'unix:path=/run/dbus/system_bus_socket'),
    ]
  const userBus =
    environment.DBUS_SESSION_BUS_ADDRESS ?? (runtimeDir && `unix:path=${join(runtimeDir, 'bus')}`)
  return [
    ...(runtimeDir ? [{ socketPath: join(runtimeDir, 'systemd/private'), bus: false }] : []),
    ...(userBus ? busSockets(userBus) : []),
  ]
}

/** The unix sockets of a D-Bus address list (specification, "Server Addresses"); other transports are passed over. */
export function busSockets(addresses: string): readonly Endpoint[] {
  return addresses.split(';').flatMap((address) => {
    const [transport, rest = ''] = address.split(':', 2)
    if (transport !== 'unix') return []
    const options = new Map(rest.split(',').map((pair) => pair.split('=', 2) as [string, string]))
    const path = options.get('path')
    const abstract = options.get('abstract')
    if (path !== undefined) return [{ socketPath: unescapeAddress(path), bus: true }]
    return abstract === undefined ? [] : [{ socketPath: `\0${unescapeAddress(abstract)}`, bus: true }]
  })
}

function unescapeAddress(text: string): string {
  return text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
