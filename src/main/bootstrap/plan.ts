/** What has to be done so that a machine is a node: from what it is to steps. Pure. */
import { NsctlError } from '../../core/errors.ts'
import type { Survey } from './survey.ts'

/** As Node names what `uname -m` says. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: 'x64',
  aarch64: 'arm64',
  riscv64: 'riscv64',
  ppc64le: 'ppc64',
  s390x: 's390x',
}
const LEAST_SYSTEMD = 250
const LEAST_NODE = 24
/** Node, nsctl, their archives, and room to breathe. */
const LEAST_FREE_BYTES = 512 * 1024 * 1024

/** Which Node runs nsctl there: the one that is here is sent, or it has its own. */
export type NodeChoice = { readonly kind: 'send' } | { readonly kind: 'own'; readonly path: string }

/** @throws NsctlError Unsupported with what to change there; Conflict where the machine is something else already */
export function chooseNode(
  survey: Survey,
  here: { readonly arch: string; readonly name: string },
): NodeChoice {
  refuseUnfit(survey, here.name)
  const { node, arch, isNixos, runsForeign } = survey
  const fits = ARCHITECTURES[arch] === here.arch && runsForeign
  if (fits && !isNixos) return { kind: 'send' }
  // on NixOS its own is updated with the machine
  if (node !== undefined && Number.parseInt(node.version, 10) >= LEAST_NODE)
    return { kind: 'own', path: node.path }
  if (fits) return { kind: 'send' }
  const why = isNixos
    ? 'it runs NixOS, where programs of others do not start'
    : `it is ${arch}, and this machine's Node is for ${here.arch}`
  throw new NsctlError('Unsupported', `nsctl cannot bring a Node along: ${why}`, {
    value: node === undefined ? 'no Node there' : `Node ${node.version} there`,
    next: isNixos
      ? 'put into its configuration: environment.systemPackages = [ pkgs.nodejs_24 ]; or programs.nix-ld.enable = true;'
      : `install Node ${LEAST_NODE} or newer there`,
  })
}

function refuseUnfit(survey: Survey, name: string): void {
  const { system, systemd, freeBytes, hasDaemon, claim } = survey
  if (system !== 'Linux')
    throw new NsctlError('Unsupported', `the machine runs ${system}: nodes run Linux`, { value: system })
  if (systemd === undefined || systemd < LEAST_SYSTEMD)
    throw new NsctlError(
      'Unsupported',
      systemd === undefined
        ? 'the machine does not run systemd'
        : `the machine runs systemd ${systemd}: ${LEAST_SYSTEMD} or newer is needed`,
      { value: systemd, next: 'bring its system up to date' },
    )
  if (freeBytes < LEAST_FREE_BYTES)
    throw new NsctlError(
      'Unsupported',
      `the machine has ${Math.floor(freeBytes / 2 ** 20)} MiB left on disk`,
      {
        value: freeBytes,
        next: `nsctl and its Node need ${LEAST_FREE_BYTES / 2 ** 20} MiB in /var/lib`,
      },
    )
  if (hasDaemon)
    throw new NsctlError('Conflict', 'the machine runs a control plane of its own (nsctl.service)', {
      next: 'give that up first, there: nsctl down',
    })
  if (claim !== undefined && claim.node !== '' && claim.node !== name)
    throw new NsctlError('Conflict', `the machine is node ${claim.node} already, of ${claim.storeUrl}`, {
      value: name,
      next: `nsctl node bootstrap ${claim.node}, or give it up there: nsctl down`,
    })
}

/** The node in the store. */
export interface NodeKnown {
  readonly exists: boolean
  readonly isHeard: boolean
}

/**
 * Whether it has to join: a token for this node alone ends its former credential, so that it is made only where there is none that holds.
 * @throws NsctlError Conflict where the node is another machine, which would be put out
 */
export function hasToJoin({ hasJoined }: Survey, known: NodeKnown, name: string): boolean {
  if (hasJoined) return !known.exists
  if (known.isHeard)
    throw new NsctlError(
      'Conflict',
      `node/${name} is another machine: its agent is heard of, and this one has not joined`,
      {
        value: name,
        next: 'choose another name',
      },
    )
  return true
}
