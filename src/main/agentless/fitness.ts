/** Whether a machine can be looked after over SSH, asked before it is made a node. Changes nothing but for making the folder of its state. */
import { isNsctlError, NsctlError } from '../../core/errors.ts'
import { readSystem } from '../../runtimes/systemd/over/system.ts'
import type { SshTransport } from '../../transport/ssh/transport.ts'
import { runtimePathsOf } from '../paths.ts'
import { looksFree } from './claim.ts'

export interface FitnessOptions {
  readonly node: string
  readonly storeUrl: string
}

const MANAGER = '/run/systemd/private'
/** Nothing listens there: that it is refused says that it was tried. */
const NOBODYS = { host: '127.0.0.1', port: 1 } as const

/**
 * @throws NsctlError Denied where we are not root, or may not forward; Unsupported with what it lacks; Conflict where it is another's; Unreachable
 */
export async function assertFit(
  transport: SshTransport,
  { node, storeUrl }: FitnessOptions,
  signal: AbortSignal,
): Promise<void> {
  await readSystem(transport, signal)
  await looksFree(transport, { ...runtimePathsOf('systemd-system', {}), node, storeUrl }, signal)
  const manager = await transport.connect({ socketPath: MANAGER }, signal).catch(mayForward(transport.name))
  manager.destroy()
  try {
    const stream = await transport.connect(NOBODYS, signal)
    stream.destroy()
  } catch (error) {
    // nobody listens, as it should be
    if (!isNsctlError(error, 'Unreachable')) mayForward(transport.name)(error)
  }
}

/** Systemd is spoken to, and programs are probed, through forwarded streams. */
function mayForward(name: string): (cause: unknown) => never {
  return (cause) => {
    if (!isNsctlError(cause, 'Denied')) throw cause
    throw new NsctlError('Denied', `${name} forwards no streams, through which its systemd is spoken to`, {
      value: name,
      cause,
      next: 'allow it in its sshd_config: AllowTcpForwarding yes, AllowStreamLocalForwarding yes',
    })
  }
}
