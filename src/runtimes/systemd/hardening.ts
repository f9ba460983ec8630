/**
 * What a service is kept from by default. Measured by `systemd-analyze security`; what each line would break and does not is
 * tested with a Node program that uses DNS, workers, child processes and networkInterfaces(). Pure.
 *
 * Left out on purpose: MemoryDenyWriteExecute kills V8, ProcSubset=pid empties os.cpus(), and networkInterfaces() throws without
 * AF_NETLINK.
 */
import { NsctlError } from '../../core/errors.ts'
import type { ManagerScope } from './dbus/address.ts'

interface Protection {
  /** The name that a service relaxes it by. */
  readonly name: string
  readonly lines: readonly string[]
  /** A user's manager can do it: it needs no privilege. */
  readonly user?: boolean
}

const PROTECTIONS: readonly Protection[] = [
  { name: 'PrivateUsers', lines: ['PrivateUsers=yes'] },
  { name: 'PrivateDevices', lines: ['PrivateDevices=yes'] },
  { name: 'PrivateTmp', lines: ['PrivateTmp=yes'] },
  { name: 'PrivateIPC', lines: ['PrivateIPC=yes'] },
  { name: 'PrivateMounts', lines: ['PrivateMounts=yes'] },
  { name: 'ProtectSystem', lines: ['ProtectSystem=strict'] },
  { name: 'ProtectHome', lines: ['ProtectHome=yes'] },
  { name: 'ProtectProc', lines: ['ProtectProc=invisible'] },
  { name: 'ProtectClock', lines: ['ProtectClock=yes'] },
  { name: 'ProtectHostname', lines: ['ProtectHostname=yes'] },
  { name: 'ProtectKernelLogs', lines: ['ProtectKernelLogs=yes'] },
  { name: 'ProtectKernelModules', lines: ['ProtectKernelModules=yes'] },
  { name: 'ProtectKernelTunables', lines: ['ProtectKernelTunables=yes'] },
  { name: 'ProtectControlGroups', lines: ['ProtectControlGroups=yes'] },
  { name: 'RestrictNamespaces', lines: ['RestrictNamespaces=yes'], user: true },
  { name: 'RestrictRealtime', lines: ['RestrictRealtime=yes'], user: true },
  { name: 'RestrictSUIDSGID', lines: ['RestrictSUIDSGID=yes'], user: true },
  { name: 'RemoveIPC', lines: ['RemoveIPC=yes'] },
  { name: 'LockPersonality', lines: ['LockPersonality=yes'], user: true },
  { name: 'NoNewPrivileges', lines: ['NoNewPrivileges=yes'], user: true },
  { name: 'CapabilityBoundingSet', lines: ['CapabilityBoundingSet=', 'AmbientCapabilities='] },
  {
    name: 'SystemCallFilter',
    lines: [
      'SystemCallFilter=@system-service',
      'SystemCallFilter=~@privileged @resources',
      'SystemCallErrorNumber=EPERM',
    ],
    user: true,
  },
  { name: 'SystemCallArchitectures', lines: ['SystemCallArchitectures=native'], user: true },
  { name: 'KeyringMode', lines: ['KeyringMode=private'] },
  { name: 'DevicePolicy', lines: ['DevicePolicy=closed'] },
  { name: 'UMask', lines: ['UMask=0077'], user: true },
]

/** What DynamicUser= switches on whatever else the unit says (systemd.exec). */
const IMPLIED_BY_DYNAMIC_USER = ['PrivateTmp', 'RemoveIPC', 'NoNewPrivileges', 'RestrictSUIDSGID'] as const
/** Likewise, but a weaker form can be chosen; of what it leaves, the file permissions of a user of its own keep the rest. */
const WEAKER_UNDER_DYNAMIC_USER: Readonly<Record<string, string>> = {
  ProtectSystem: 'ProtectSystem=yes',
  ProtectHome: 'ProtectHome=read-only',
}

export interface HardeningOptions {
  readonly scope: ManagerScope
  readonly network: 'host' | 'none'
  readonly relax: readonly string[]
  /** The name of the service's own user. */
  readonly user: string
}

/** Which of the protections act. */
export function isProtected(
  name: string,
  { scope, relax }: Pick<HardeningOptions, 'scope' | 'relax'>,
): boolean {
  if (relax.includes('all') || relax.includes(name)) return false
  return scope === 'system' || PROTECTIONS.some((one) => one.name === name && one.user === true)
}

/**
 * The lines of [Service] that protect, in a fixed order.
 * @throws Invalid for a relaxation that would not act
 */
export function hardeningLines(options: HardeningOptions): readonly string[] {
  const dynamicUser = isProtected('DynamicUser', options)
  if (dynamicUser) refuseWithoutEffect(options.relax)
  const lines = dynamicUser ? ['DynamicUser=yes', `User=${options.user}`] : []
  for (const { name, lines: own } of PROTECTIONS) {
    if (isProtected(name, options)) lines.push(...own)
    else if (dynamicUser && WEAKER_UNDER_DYNAMIC_USER[name] !== undefined)
      lines.push(WEAKER_UNDER_DYNAMIC_USER[name])
  }
  return [...lines, ...networkLines(options)]
}

/** Cutting off the network is what the service asked for, so relaxing everything does not undo it. */
function networkLines(options: HardeningOptions): readonly string[] {
  const { scope, network } = options
  const restricted = scope === 'user' || isProtected('RestrictAddressFamilies', options)
  if (network === 'none') {
    const families = scope === 'user' ? 'AF_UNIX' : 'AF_UNIX AF_INET AF_INET6 AF_NETLINK'
    return [
      ...(scope === 'system' ? ['PrivateNetwork=yes', 'IPAddressDeny=any'] : []),
      ...(restricted ? [`RestrictAddressFamilies=${families}`] : []),
    ]
  }
  if (!isProtected('RestrictAddressFamilies', { ...options, scope: 'system' })) return []
  return ['RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK']
}

function refuseWithoutEffect(relax: readonly string[]): void {
  const without = IMPLIED_BY_DYNAMIC_USER.filter((name) => relax.includes(name))
  if (without.length === 0) return
  throw new NsctlError(
    'Invalid',
    `relaxing ${without.join(', ')} has no effect: a DynamicUser always has it`,
    {
      value: without.join(', '),
      next: 'relax DynamicUser too (the service then runs as root), or leave it out',
    },
  )
}
