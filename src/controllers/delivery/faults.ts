/** What keeps content from a node, in words. Pure. */
import type { Delivery } from '../../resources/generated/types.ts'
import type { Grant, Refusal } from './plan.ts'
import type { DeliveryFault } from './status.ts'

const REFUSALS: Readonly<Record<Refusal['reason'], (node: string) => string>> = {
  NodeUnknown: (node) => `node/${node} is not known, so nothing is sealed for it`,
  NodeWithoutKey: (node) =>
    `node/${node} has no key to seal to: once its agent runs, see what it has with nsctl get node ${node} -o yaml, then nsctl node trust ${node}`,
  NodeNotTrusted: (node) =>
    `node/${node} says that it has another key than the one that is pinned, so nothing is sealed for it: if that is right, nsctl node trust ${node}`,
}

export function refusalFault({ node, reason }: Refusal): DeliveryFault {
  return { reason, message: REFUSALS[reason](node) }
}

export function lostFault({ node, version }: Grant): DeliveryFault {
  return {
    reason: 'VersionLost',
    message: `version ${version} is not kept any more, so node/${node} cannot be given it: nsctl rollout restart what uses it`,
  }
}

/** What nodes say that they cannot open. */
export function reportedFaults(deliveries: readonly Delivery[]): readonly DeliveryFault[] {
  return deliveries
    .filter(({ status }) => status?.phase === 'Failed')
    .map(({ spec, status }) => ({
      reason: 'NotOpened',
      message: `node/${spec.node}: ${status?.message ?? 'cannot open it'}`,
    }))
}
