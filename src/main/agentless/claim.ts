/** Whose programs a machine runs that is looked after from afar: noted there as an agent would, so that nobody ends what is another's. */
import { NsctlError } from '../../core/errors.ts'
import type { Transport } from '../../transport/transport.ts'
import { claimFile } from '../claim.ts'

export interface MachineClaim {
  /** On that machine. */
  readonly stateDir: string
  readonly node: string
  readonly storeUrl: string
}

/** `$1` its state's folder, `$2` the claim's file. */
const ASK = `
mkdir -p -m 0700 "$1" || exit 1
[ ! -e "$1/membership.json" ] || echo joined
[ ! -e "$2" ] || { echo claimed; cat "$2"; }
exit 0
`

/** Takes the programs there for this node of this store. @throws NsctlError Conflict where they are another's; Unreachable */
export async function claimMachine(
  transport: Transport,
  claim: MachineClaim,
  signal: AbortSignal,
): Promise<void> {
  const { stateDir, node, storeUrl } = claim
  const isOurs = await looksFree(transport, claim, signal)
  if (isOurs) return
  await transport.putFile(claimFile(stateDir), `${placeOf(storeUrl)}\n${node}\n`, { signal, mode: 0o600 })
}

/** Gives the programs there up. */
export async function releaseMachine(
  transport: Transport,
  stateDir: string,
  signal: AbortSignal,
): Promise<void> {
  await transport.run({ argv: ['rm', '-f', '--', claimFile(stateDir)] }, { signal })
}

/** Whether it is claimed for this node already; changes nothing but for the folder. @throws as claimMachine does */
export async function looksFree(
  transport: Transport,
  claim: MachineClaim,
  signal: AbortSignal,
): Promise<boolean> {
  const { stateDir, node, storeUrl } = claim
  const argv = ['/bin/sh', '-c', ASK, 'claim', stateDir, claimFile(stateDir)] as const
  const { exitCode, stdout, stderr } = await transport.run({ argv }, { signal })
  if (exitCode !== 0)
    throw new NsctlError('Failed', `${transport.name}: ${stderr.toString().trim()}`, { value: stateDir })
  const lines = stdout.toString().split('\n')
  if (lines.includes('joined'))
    throw new NsctlError('Conflict', `${transport.name} has an agent of its own: it has joined as a node`, {
      value: transport.name,
      next: 'it needs no SSH; to have it looked after from here, end that there first: nsctl down',
    })
  const at = lines.indexOf('claimed')
  if (at < 0) return false
  const [ownerUrl = '', owner = ''] = lines.slice(at + 1)
  if (placeOf(ownerUrl) === placeOf(storeUrl) && owner === node) return true
  throw new NsctlError(
    'Conflict',
    `${transport.name} runs programs as node ${owner} of the store ${ownerUrl}`,
    {
      value: owner,
      next: `if nobody looks after them any more, remove ${claimFile(stateDir)} there`,
    },
  )
}

/** Without what opens it: that is none of the machine's. */
function placeOf(storeUrl: string): string {
  return storeUrl.replace(/\?.*$/, '')
}
