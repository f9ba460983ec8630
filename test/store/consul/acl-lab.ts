/** A Consul that refuses what is not allowed, and what somebody with a token can do to it without nsctl. */
import { randomUUID } from 'node:crypto'
import { type ConsulCluster, type ConsulOptions, startConsul } from '../../lab/consul.ts'

export interface AclLab {
  readonly cluster: ConsulCluster
  /** May do everything. */
  readonly master: string
  /** A token with `rules`. */
  tokenWith(rules: string): Promise<string>
  /** What Consul says to a raw request. */
  raw(token: string, method: string, path: string, body?: unknown): Promise<{ status: number; body: string }>
}

export async function startAclLab(options: Pick<ConsulOptions, 'hosts'> = {}): Promise<AclLab> {
  const master = randomUUID()
  const acl = { enabled: true, default_policy: 'deny', tokens: { master } }
  const cluster = await startConsul({ ...options, config: { acl } })
  const raw: AclLab['raw'] = async (token, method, path, body) => {
    const text = typeof body === 'string' ? body : body === undefined ? undefined : JSON.stringify(body)
    const response = await fetch(`http://${cluster.servers[0]!.address}/v1/${path}`, {
      method,
      headers: { 'x-consul-token': token },
      ...(text === undefined ? {} : { body: text }),
    })
    return { status: response.status, body: await response.text() }
  }
  const tokenWith = async (rules: string) => {
    const name = `p-${randomUUID()}`
    await raw(master, 'PUT', 'acl/policy', { Name: name, Rules: rules })
    const { body } = await raw(master, 'PUT', 'acl/token', { Policies: [{ Name: name }] })
    return (JSON.parse(body) as { readonly SecretID: string }).SecretID
  }
  for (let left = 50; left > 0 && !(await tokenWith('').catch(() => undefined)); left--)
    await new Promise((resolve) => setTimeout(resolve, 100))
  return { cluster, master, raw, tokenWith }
}

/** Of a token, key by key: what it can read and what it can write or delete, tried in each way that Consul has. */
export async function reachOf(
  lab: AclLab,
  token: string,
  keys: readonly string[],
): Promise<{ readonly readable: readonly string[]; readonly writable: readonly string[] }> {
  const readable: string[] = []
  const writable: string[] = []
  for (const key of keys) {
    const get = await lab.raw(token, 'GET', `kv/${key}`)
    const inTxn = await lab.raw(token, 'PUT', 'txn', [{ KV: { Verb: 'get', Key: key } }])
    const guess = await lab.raw(token, 'PUT', 'txn', [{ KV: { Verb: 'check-index', Key: key, Index: 1 } }])
    const names = await lab.raw(token, 'GET', `kv/${key}?keys`)
    const told =
      get.status === 200 ||
      (inTxn.status === 200 && inTxn.body.includes(key)) ||
      !/permission denied/i.test(guess.body) ||
      (names.status === 200 && (JSON.parse(names.body) as readonly string[]).includes(key))
    if (told) readable.push(key)
    // nothing that goes through changes anything that is there: each is conditional on what is not so
    const attempts = [
      await lab.raw(token, 'PUT', `kv/${key}?cas=1`, 'x'),
      await lab.raw(token, 'DELETE', `kv/${key}?cas=1`),
      await lab.raw(token, 'PUT', 'txn', [{ KV: { Verb: 'cas', Key: key, Value: '', Index: 1 } }]),
      await lab.raw(token, 'PUT', 'txn', [{ KV: { Verb: 'delete-cas', Key: key, Index: 1 } }]),
      await lab.raw(token, 'PUT', 'txn', [{ KV: { Verb: 'check-not-exists', Key: key } }]),
    ]
    if (attempts.some(({ status, body }) => status !== 403 && !/permission denied/i.test(body)))
      writable.push(key)
  }
  return { readable, writable }
}
