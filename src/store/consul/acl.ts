/** Credentials of nodes in Consul: a policy and a token each. */
import { request as plainRequest } from 'node:http'
import { request as secureRequest } from 'node:https'
import { NsctlError } from '../../core/errors.ts'
import { digest } from '../../core/ids.ts'
import { isObject } from '../../core/json.ts'
import type { CredentialIssuer, NodeCredential } from '../credentials.ts'
import { type KeySpan, nodeReach } from '../node-reach.ts'
import { type ConsulAddress, type Environment, parseConsulUrl } from './address.ts'
import { denied, failure, translate } from './errors.ts'
import { Layout } from './layout.ts'
import { type Access, openAccess } from './server.ts'

export interface ConsulIssuerOptions {
  /** As the store's. */
  readonly url: string
  /** Its token needs `acl = "write"`. */
  readonly env?: Environment
  readonly requestMs?: number
}

const REQUEST_MS = 10_000
const DIGEST_LENGTH = 16
const MARK = 'nsctl: the agent of node '

/** Connects to nothing yet. */
export async function openConsulIssuer(options: ConsulIssuerOptions): Promise<CredentialIssuer> {
  const address = parseConsulUrl(options.url, options.env)
  return new ConsulIssuer(address, await openAccess(address), options.requestMs ?? REQUEST_MS)
}

/** Consul's rules for what an agent may reach: the longest rule that fits a key decides, one for the very key before all. */
export function nodeRules(prefix: string, node: string): string {
  const layout = new Layout(prefix)
  const { read, write } = nodeReach(node)
  const log = layout.nodeLog(node)
  const own = (key: string, isPrefix = false): KeySpan => ({ key, isPrefix })
  const data = ({ key, isPrefix }: KeySpan) => own(layout.dataKey(key), isPrefix)
  return [
    rule(own(layout.format), 'read'),
    rule(own(layout.wide), 'read'),
    // how far the shards are tells the store's revision; the other nodes' tell who they are
    rule(own(layout.heads, true), 'read'),
    rule(own(`${layout.heads}node/`, true), 'deny'),
    rule(own(log.head), 'write'),
    rule(own(layout.nodeLogs(node), true), 'write'),
    rule(own(layout.scope(node)), 'write'),
    ...read.map((span) => rule(data(span), 'read')),
    ...write.map((span) => rule(data(span), 'write')),
  ].join('\n')
}

function rule({ key, isPrefix }: KeySpan, policy: 'read' | 'write' | 'deny'): string {
  return `${isPrefix ? 'key_prefix' : 'key'} ${JSON.stringify(key)} { policy = "${policy}" }`
}

type Method = 'GET' | 'PUT' | 'DELETE'

class ConsulIssuer implements CredentialIssuer {
  readonly #address: ConsulAddress
  readonly #access: Access
  readonly #agent
  readonly #requestMs: number

  constructor(address: ConsulAddress, access: Access, requestMs: number) {
    this.#address = address
    this.#access = access
    this.#agent = access.agentOf()
    this.#requestMs = requestMs
  }

  async check(): Promise<void> {
    await this.#policies()
    // Consul lets everybody do everything unless it is told otherwise
    const anonymous = await this.#mayAnybodyRead()
    if (anonymous)
      throw new NsctlError('Unsupported', `anybody may read the store ${this.#address.url} without a token`, {
        value: this.#address.url,
        next: 'have Consul refuse what is not allowed: acl { default_policy = "deny" }, and give its anonymous token no keys',
      })
  }

  async issue(node: string): Promise<NodeCredential> {
    const { prefix } = this.#address
    const [Name, Description] = [this.#policyName(node), `${MARK}${node} in ${prefix}`]
    const Rules = nodeRules(prefix, node)
    const before = (await this.#policies()).find((policy) => policy.Name === Name)
    const policy = before?.ID
      ? await this.#ask('PUT', `acl/policy/${before.ID}`, { ID: before.ID, Name, Description, Rules })
      : await this.#ask('PUT', 'acl/policy', { Name, Description, Rules })
    const { ID } = policy as { readonly ID?: string }
    if (ID === undefined) throw this.#strange()
    const token = (await this.#ask('PUT', 'acl/token', { Description, Policies: [{ ID }] })) as {
      readonly AccessorID?: string
      readonly SecretID?: string
    }
    if (token.SecretID === undefined) throw this.#strange()
    await this.#endTokens(ID, token.AccessorID)
    return { CONSUL_HTTP_TOKEN: token.SecretID }
  }

  async revoke(node: string): Promise<void> {
    const name = this.#policyName(node)
    const policy = (await this.#policies()).find((one) => one.Name === name)
    if (policy === undefined) return
    await this.#endTokens(policy.ID)
    await this.#ask('DELETE', `acl/policy/${policy.ID}`)
    // every watch reads all heads: those of nodes that are gone would only grow more
    const layout = new Layout(this.#address.prefix)
    await this.#ask('DELETE', `kv/${layout.nodeLog(node).head}`)
    await this.#ask('DELETE', `kv/${layout.nodeLogs(node)}?recurse`)
    await this.#ask('DELETE', `kv/${layout.scope(node)}`)
  }

  async nodes(): Promise<readonly string[]> {
    const end = ` in ${this.#address.prefix}`
    return (await this.#policies()).flatMap(({ Description: text }) =>
      text.startsWith(MARK) && text.endsWith(end) ? [text.slice(MARK.length, -end.length)] : [],
    )
  }

  close(): void {
    this.#agent.destroy()
  }

  async #endTokens(policy: string, but?: string): Promise<void> {
    const tokens = await this.#ask('GET', `acl/tokens?policy=${policy}`)
    for (const { AccessorID } of Array.isArray(tokens) ? tokens.filter(isObject) : [])
      if (AccessorID !== but) await this.#ask('DELETE', `acl/token/${AccessorID}`)
  }

  async #policies(): Promise<readonly Policy[]> {
    const found = await this.#ask('GET', 'acl/policies')
    if (!Array.isArray(found)) throw this.#strange()
    return found.filter(isObject).map(({ ID, Name, Description }) => ({
      ID: String(ID),
      Name: String(Name),
      Description: String(Description ?? ''),
    }))
  }

  async #mayAnybodyRead(): Promise<boolean> {
    const key = new Layout(this.#address.prefix).format
    const answer = await this.#send('GET', `kv/${key}`, undefined, undefined)
    return answer.status === 200
  }

  /** Policies have names of their own, of few characters. */
  #policyName(node: string): string {
    return `nsctl-node-${digest(`${this.#address.prefix} ${node}`, DIGEST_LENGTH)}`
  }

  async #ask(method: Method, path: string, body?: object): Promise<unknown> {
    const { status, text } = await this.#send(method, path, body, this.#access.token)
    if (status === 200) return text === '' ? undefined : this.#parsed(text)
    const { url } = this.#address
    if (/ACL support disabled/i.test(text))
      throw new NsctlError('Unsupported', `the Consul of the store ${url} has no access control`, {
        value: url,
        next: 'switch it on, or no agent can be held to its own node: acl { enabled = true, default_policy = "deny" }',
      })
    if (status === 403 && !/ACL not found/i.test(text))
      throw new NsctlError(
        'Unreachable',
        `the store ${url} refuses the token: it may not make tokens for nodes`,
        {
          value: url,
          next: 'give the controller’s token a policy with acl = "write", or let nodes join at a controller that has one',
        },
      )
    if (status === 403) throw denied(this.#address, text.trim())
    throw failure('never', this.#address, `it answers ${status}: ${text.trim().slice(0, 200)}`)
  }

  #parsed(text: string): unknown {
    try {
      return JSON.parse(text)
    } catch {
      throw this.#strange()
    }
  }

  /** Whichever endpoint answers. */
  async #send(
    method: Method,
    path: string,
    body: object | undefined,
    token: string | undefined,
  ): Promise<Answer> {
    let failed: unknown
    for (const { host, port } of this.#address.endpoints) {
      try {
        return await this.#sendTo({ host, port, method, path: `/v1/${path}` }, body, token)
      } catch (error) {
        failed = error
      }
    }
    throw translate(failed, this.#address)
  }

  #sendTo(
    where: { readonly host: string; readonly port: number; readonly method: Method; readonly path: string },
    body: object | undefined,
    token: string | undefined,
  ): Promise<Answer> {
    const { secure, datacenter } = this.#address
    const path = datacenter === undefined ? where.path : withQuery(where.path, `dc=${datacenter}`)
    const headers = { ...(token === undefined ? {} : { 'x-consul-token': token }) }
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const options = { ...where, path, headers, agent: this.#agent, timeout: this.#requestMs }
    const asked = (secure ? secureRequest : plainRequest)(options, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      )
      response.on('error', reject)
    })
    asked.on('timeout', () => asked.destroy(new Error('it does not answer in time')))
    asked.on('error', reject)
    asked.end(body === undefined ? undefined : JSON.stringify(body))
    return promise
  }

  #strange(): Error {
    return failure('never', this.#address, 'what answers there is no Consul')
  }
}

interface Policy {
  readonly ID: string
  readonly Name: string
  readonly Description: string
}

interface Answer {
  readonly status: number
  readonly text: string
}

function withQuery(path: string, query: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}${query}`
}
