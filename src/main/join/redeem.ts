/** What a join token is redeemed for, and a certificate for the next one. */
import { randomBytes } from 'node:crypto'
import type { ResourceApi } from '../../api/api.ts'
import type { Clock } from '../../core/clock.ts'
import { isNsctlError, NsctlError } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import type { Logger } from '../../core/logger.ts'
import type { Authority, NodeIssue } from '../../join/authority.ts'
import { type JoinAnswer, type JoinRequest, matches } from '../../join/token.ts'
import type { JoinToken, JoinTokenStatus, Node } from '../../resources/generated/types.ts'
import { type AnyResource, API_VERSION } from '../../resources/object.ts'
import type { CredentialIssuer } from '../../store/credentials.ts'
import { isNodeName } from '../../store/node-reach.ts'

export interface RedeemOptions {
  readonly api: Pick<
    ResourceApi,
    'get' | 'createOwned' | 'ensure' | 'amendStatus' | 'requestDelete' | 'recordEvent'
  >
  readonly authority: Authority
  readonly issuer: Pick<CredentialIssuer, 'check' | 'issue'>
  readonly storeUrl: string
  readonly clock: Clock
  readonly logger: Logger
}

const RECIPIENT = /^age1[a-z0-9]{1,4090}$/
const MAX_LABELS = 32

/**
 * Makes the machine a node. A use of the token is taken in one transaction before anything is given, so that it is good for so many
 * machines and no more, however many ask at once.
 *
 * @throws NsctlError Failed for a token that is good for nothing, Conflict for a node that is there, Invalid for what is no request
 */
export async function redeem(options: RedeemOptions, request: JoinRequest): Promise<JoinAnswer> {
  const { api, authority, issuer, storeUrl, clock, logger } = options
  const token = await tokenFor(options, request)
  refuseOdd(request)
  const joining = randomBytes(8).toString('hex')
  const certificate = authority.issueNode({ node: request.node, joining }, request.publicKey, clock.now())
  const before = await api.get<Node>({ kind: 'Node', name: request.node })
  refuseTaken(before, token)
  await issuer.check()
  await use(options, token, request.node)
  try {
    await (before === undefined
      ? register(options, request, joining)
      : registerAgain(options, request, joining))
    const credential = await issuer.issue(request.node)
    const message = `it joined with the token ${request.id}`
    const about = { kind: 'Node', name: request.node }
    await api.recordEvent({ about, type: 'Normal', reason: 'Joined', message, source: 'join listener' })
    logger.log('info', 'a node has joined', { node: request.node, token: request.id })
    return { node: request.node, certificate, storeUrl, credential }
  } catch (error) {
    // half a node would keep its name from the next try
    if (before === undefined && !isNsctlError(error, 'Conflict'))
      await abandon(options, request.node, joining)
    throw error
  }
}

/** The certificate after one that is still good. @throws NsctlError Failed for a node that is gone, or has joined anew since */
export async function renew(
  { api, authority, clock }: Pick<RedeemOptions, 'api' | 'authority' | 'clock'>,
  issue: NodeIssue,
  publicKey: string,
): Promise<string> {
  const node = await api.get<Node>({ kind: 'Node', name: issue.node })
  const { deletionTimestamp } = node?.metadata ?? {}
  if (node === undefined || deletionTimestamp !== undefined || node.spec?.joining !== issue.joining)
    throw new NsctlError('Failed', `node/${issue.node} was deleted, or has joined anew since`, {
      value: issue.node,
      next: `to have this machine as a node: nsctl node token create --name ${issue.node}, and nsctl agent --join-token-file there`,
    })
  return authority.issueNode(issue, publicKey, clock.now())
}

async function tokenFor(
  { api, clock }: RedeemOptions,
  { id, secret, node }: JoinRequest,
): Promise<JoinToken> {
  const isId = /^[0-9a-f]{10}$/.test(id)
  const token = isId ? await api.get<JoinToken>({ kind: 'JoinToken', name: id }) : undefined
  // whoever does not have the secret learns nothing of the token
  if (token === undefined || !matches(secret, token.spec.digest)) throw refused('the join token is not known')
  if (!(Date.parse(token.spec.expiresAt) > clock.now())) throw refused('the join token has expired')
  const only = token.spec.node
  if (only !== undefined && only !== node)
    throw refused(`the join token is for node ${only}, not for ${node}`)
  return token
}

function refused(message: string): NsctlError {
  return new NsctlError('Failed', message, { next: 'make another: nsctl node token create' })
}

function refuseOdd({ node, recipient, labels }: JoinRequest): void {
  const odd = !isNodeName(node)
    ? `${JSON.stringify(node)} is no name of a node`
    : !RECIPIENT.test(recipient)
      ? 'the node’s recipient is no age key'
      : Object.keys(labels).length > MAX_LABELS
        ? `a node has at most ${MAX_LABELS} labels of its own`
        : undefined
  if (odd !== undefined) throw new NsctlError('Invalid', odd)
}

function refuseTaken(node: Node | undefined, { spec }: JoinToken): void {
  if (node === undefined || (spec.node !== undefined && node.metadata.deletionTimestamp === undefined)) return
  const { name, deletionTimestamp } = node.metadata
  const what = deletionTimestamp === undefined ? 'is there already' : 'is being deleted'
  throw new NsctlError('Conflict', `node/${name} ${what}`, {
    value: name,
    next: `take another name; or, if this machine is to be it from now on: nsctl node token create --name ${name}`,
  })
}

/** Takes one use. */
async function use({ api }: RedeemOptions, { metadata, spec }: JoinToken, node: string): Promise<void> {
  const ref = { kind: 'JoinToken', name: metadata.name, uid: metadata.uid }
  let isTaken = false
  await api.amendStatus(ref, (found) => {
    const { used = 0, nodes = [] } = (found ?? {}) as JoinTokenStatus
    if (used >= spec.uses) throw refused('the join token was used already')
    isTaken = true
    return { used: used + 1, nodes: [...nodes, node] } as unknown as Json
  })
  // deleted meanwhile
  if (!isTaken) throw refused('the join token is not known')
}

async function register({ api }: RedeemOptions, request: JoinRequest, joining: string): Promise<void> {
  const { node: name, recipient } = request
  await api.createOwned([nodeObject(request, { recipient, joining })])
  const made = await api.get<Node>({ kind: 'Node', name })
  if (made?.spec?.joining === joining) return
  throw new NsctlError('Conflict', `node/${name} has just joined from elsewhere`, { value: name })
}

/** The key that is pinned stays: another is for a person to trust. */
async function registerAgain({ api }: RedeemOptions, request: JoinRequest, joining: string): Promise<void> {
  await api.ensure(nodeObject(request, { joining }))
}

function nodeObject({ node: name, labels }: JoinRequest, spec: Node['spec']): AnyResource {
  const metadata = { name, labels }
  return { apiVersion: API_VERSION, kind: 'Node', metadata, spec } as AnyResource
}

async function abandon({ api, logger }: RedeemOptions, name: string, joining: string): Promise<void> {
  try {
    const node = await api.get<Node>({ kind: 'Node', name })
    if (node?.spec?.joining === joining)
      await api.requestDelete({ kind: 'Node', name, uid: node.metadata.uid })
  } catch (error) {
    logger.log('warn', `node/${name} has not joined, and its Node is left`, { error })
  }
}
