/** Joining over TLS, with a store in memory and credentials that are made up. */
import { createPublicKey, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openApi } from '../../../src/api/open.ts'
import type { Clock } from '../../../src/core/clock.ts'
import { type ErrorCode, isNsctlError, NsctlError } from '../../../src/core/errors.ts'
import { randomIds } from '../../../src/core/ids.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import {
  Authority,
  CERTIFICATE_MS,
  fingerprintOf,
  keyPem,
  makeAuthority,
  newKey,
  nodeOfSubject,
} from '../../../src/join/authority.ts'
import { joinWith, type Membership, renewAtMs, renewMembership } from '../../../src/join/member.ts'
import { digestOf, type JoinToken, newToken } from '../../../src/join/token.ts'
import { Attempts } from '../../../src/main/join/attempts.ts'
import { sweepOnce } from '../../../src/main/join/host.ts'
import { listenForJoins } from '../../../src/main/join/listener.ts'
import { readMembership, writeMembership } from '../../../src/main/join/membership.ts'
import { keepRenewed } from '../../../src/main/join/renewing.ts'
import type { Node } from '../../../src/resources/generated/types.ts'
import { createMemoryStore } from '../../../src/store/memory/store.ts'
import { options as how, manifest } from '../../api/support.ts'

const RECIPIENT = `age1${'q'.repeat(58)}`
const never = new AbortController().signal

/** The wall clock moves as it is told to, the timers are real. */
function shiftedClock(): Clock & { shiftMs: number } {
  return {
    shiftMs: 0,
    now() {
      return Date.now() + this.shiftMs
    },
    monotonic: () => performance.now(),
    schedule(delayMs, run) {
      const timer = setTimeout(run, Math.min(delayMs, 2 ** 31 - 1))
      return () => clearTimeout(timer)
    },
  }
}

async function scene({ shiftMs = 0 } = {}) {
  const [clock, store] = [Object.assign(shiftedClock(), { shiftMs }), createMemoryStore()]
  const api = await openApi({ store, clock, ids: randomIds })
  const pair = makeAuthority(clock.now())
  const authority = new Authority(pair)
  const issued = new Map<string, string>()
  const issuer = {
    fault: undefined as Error | undefined,
    check: async () => {},
    issue: async (node: string) => {
      if (issuer.fault !== undefined) throw issuer.fault
      const token = `${node}-${issued.size}-${Math.random()}`
      issued.set(node, token)
      return { CONSUL_HTTP_TOKEN: token }
    },
    nodes: async () => [...issued.keys()],
    revoke: async (node: string) => void issued.delete(node),
  }
  const listener = await listenForJoins({
    ...{ api, authority, issuer, clock, storeUrl: 'consul://h/p', logger: silentLogger },
    ...{ host: '127.0.0.1', port: 0, names: ['127.0.0.1'] },
  })
  const stop = new AbortController()
  const serving = listener.run(stop.signal)
  const address = `127.0.0.1:${listener.port}`
  const token = async (spec: object = {}): Promise<JoinToken> => {
    const made = newToken([address], fingerprintOf(pair.certificate))
    const expiresAt = new Date(clock.now() + 60_000).toISOString()
    await api.create(
      manifest(
        'JoinToken',
        { name: made.id },
        { spec: { digest: digestOf(made.secret), expiresAt, uses: 1, ...spec } },
      ),
      how,
    )
    return made
  }
  const wish = (node: string) => ({ node, recipient: RECIPIENT, labels: { 'kubernetes.io/os': 'linux' } })
  const joinAs = async (node: string, given?: JoinToken) =>
    joinWith(given ?? (await token()), wish(node), never)
  const node = (name: string) => api.get<Node>({ kind: 'Node', name })
  const close = async () => {
    stop.abort()
    await serving
  }
  return { api, clock, pair, authority, issuer, issued, address, token, joinAs, wish, node, close }
}

type Scene = Awaited<ReturnType<typeof scene>>

function inScene(name: string, run: (scene: Scene) => Promise<void>): void {
  test(name, async () => {
    const one = await scene()
    try {
      await run(one)
    } finally {
      await one.close()
    }
  })
}

async function refused(code: ErrorCode, work: Promise<unknown>, said: RegExp): Promise<NsctlError> {
  const error = await work.then(
    () => assert.unreachable('it was let'),
    (thrown: unknown) => thrown,
  )
  assert.ok(isNsctlError(error, code), String(error))
  assert.match(error.message, said)
  return error
}

inScene(
  'a machine gets a certificate, a credential and a Node',
  async ({ joinAs, node, issued, pair, token, api }) => {
    const given = await token({ node: 'n1' })
    const member = await joinAs('n1', given)
    const certificate = new X509Certificate(member.certificate)
    assert.ok(certificate.verify(new X509Certificate(pair.certificate).publicKey))
    const issue = nodeOfSubject(certificate.toLegacyObject().subject as never)
    assert.is(issue?.node, 'n1')
    assert.equal(member.credential, { CONSUL_HTTP_TOKEN: issued.get('n1') })
    assert.equal(
      [member.storeUrl, member.token, member.authority],
      ['consul://h/p', given.id, pair.certificate],
    )
    const made = await node('n1')
    assert.equal(made?.spec, { recipient: RECIPIENT, joining: issue?.joining })
    assert.equal(made?.metadata.labels, { 'kubernetes.io/os': 'linux' })
    const stored = await api.get({ kind: 'JoinToken', name: given.id })
    assert.equal(stored?.status, { used: 1, nodes: ['n1'] })
    assert.not.match(JSON.stringify(stored), given.secret)
  },
)

inScene('of many at once a token lets in as many as it says', async ({ joinAs, token, issued }) => {
  const given = await token({ uses: 3 })
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, (_, n) => joinAs(`n${n}`, given)))
  const refusals = outcomes.filter(({ status }) => status === 'rejected')
  assert.is(refusals.length, 5)
  for (const one of refusals) assert.match(String((one as PromiseRejectedResult).reason), /was used already/)
  assert.is(issued.size, 3)
})

inScene('what is no good token is refused', async ({ joinAs, token, clock, api, issued }) => {
  const good = await token({ node: 'n1' })
  await refused('Failed', joinAs('n2', good), /is for node n1, not for n2/)
  await refused(
    'Failed',
    joinAs('n1', { ...good, secret: `${good.secret.slice(1)}x` }),
    /^the join token is not known$/,
  )
  await refused('Failed', joinAs('n1', { ...good, id: '0000000000' }), /^the join token is not known$/)
  await refused('Failed', joinAs('n1', { ...good, id: '../x' }), /^the join token is not known$/)
  clock.shiftMs = 61_000
  await refused('Failed', joinAs('n1', good), /has expired/)
  clock.shiftMs = 0
  const deleted = await token()
  await api.delete({ kind: 'JoinToken', name: deleted.id }, how)
  await refused('Failed', joinAs('n1', deleted), /is not known/)
  assert.is(issued.size, 0)
})

inScene('a node is taken over only with a token for it alone', async ({ joinAs, token, issued, node }) => {
  const first = await joinAs('n1')
  const open = await token()
  await refused('Conflict', joinAs('n1', open), /node\/n1 is there already/)
  assert.is(first.credential.CONSUL_HTTP_TOKEN, issued.get('n1'), 'nothing was taken from it')
  // the token is good still for another
  await joinAs('n2', open)
  const before = await node('n1')
  const given = await token({ node: 'n1' })
  const again = await joinWith(given, { node: 'n1', recipient: `age1${'p'.repeat(58)}`, labels: {} }, never)
  assert.is(again.credential.CONSUL_HTTP_TOKEN, issued.get('n1'))
  const after = await node('n1')
  assert.is(after?.spec?.recipient, before?.spec?.recipient, 'the key that is pinned stays')
  assert.not.equal(after?.spec?.joining, before?.spec?.joining)
  // what the former machine has is renewed no more
  await refused('Failed', renewMembership(first, never), /was deleted, or has joined anew since/)
  assert.is((await renewMembership(again, never)).node, 'n1')
})

inScene(
  'what cannot be a node is refused before the token is used',
  async ({ token, wish, issued, joinAs }) => {
    const given = await token()
    for (const odd of [
      { node: 'N1' },
      { node: '../n1' },
      { node: 'a"{}' },
      { recipient: 'age2x' },
      { labels: Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`a${n}`, ''])) },
    ])
      await refused('Invalid', joinWith(given, { ...wish('n1'), ...odd }, never), /./)
    assert.is(issued.size, 0)
    await joinAs('n1', given)
  },
)

inScene(
  'where no credential can be had nobody is half a node',
  async ({ issuer, token, joinAs, node, clock }) => {
    issuer.fault = new NsctlError('Unreachable', 'the store consul://secret-place refuses the token')
    const error = await refused('Unreachable', joinAs('n1'), /the control plane cannot do that now/)
    assert.not.match(JSON.stringify(error), 'secret-place')
    const left = await node('n1')
    assert.ok(left === undefined || left.metadata.deletionTimestamp !== undefined)
    issuer.fault = undefined
    clock.shiftMs = 0
    await joinAs('n2', await token())
  },
)

inScene(
  'a certificate is renewed by its holder, for its node, until that is gone',
  async ({ joinAs, clock, api, authority, address }) => {
    const member = await joinAs('n1')
    assert.is(renewAtMs(member) > clock.now() && renewAtMs(member) < clock.now() + CERTIFICATE_MS, true)
    clock.shiftMs = CERTIFICATE_MS / 2
    const next = await renewMembership(member, never)
    const [from, to] = [member, next].map(({ certificate }) => new X509Certificate(certificate))
    assert.ok(Date.parse(to?.validTo ?? '') > Date.parse(from?.validTo ?? ''))
    assert.is(to?.subject, from?.subject)
    clock.shiftMs = 0
    // nobody renews without one, with one of another authority, or one that is no node's
    const strangers = new Authority(makeAuthority(clock.now()))
    const others = [authority.issueListener(['n1'], clock.now()), selfMade(strangers, 'n1', clock.now())]
    for (const { certificate, key } of others)
      await refused(
        'Failed',
        renewMembership({ ...member, certificate, key }, never),
        /only a node with a certificate/,
      )
    const expired = selfMade(authority, 'n1', clock.now() - 2 * CERTIFICATE_MS)
    await refused(
      'Failed',
      renewMembership({ ...member, ...expired }, never),
      /only a node with a certificate/,
    )
    // right in all but the joining
    await refused(
      'Failed',
      renewMembership({ ...member, ...selfMade(authority, 'n1', clock.now()) }, never),
      /joined anew/,
    )
    await api.requestDelete({ kind: 'Node', name: 'n1' })
    await refused('Failed', renewMembership(member, never), /was deleted/)
    assert.ok(address.startsWith('127'))
  },
)

function selfMade(authority: Authority, node: string, nowMs: number) {
  const key = newKey()
  const certificate = authority.issueNode({ node, joining: 'x' }, keyPem(createPublicKey(key)), nowMs)
  return { certificate, key: keyPem(key) }
}

/** Somebody in between, who answers what the real listener would. */
async function impostor(secure: { readonly certificate: string; readonly key: string }, authority: string) {
  const heard: string[] = []
  const server = createServer({ cert: secure.certificate, key: secure.key }, (request, response) => {
    request.on('data', (chunk) => heard.push(String(chunk)))
    request.on('end', () =>
      response.end(JSON.stringify({ certificate: authority, node: 'n1', storeUrl: 'x', credential: {} })),
    )
  })
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    close: () => void server.close(),
  }
}

inScene(
  'a token is told to nobody but the control plane that made it',
  async ({ token, wish, pair, clock, authority, joinAs }) => {
    const theirs = makeAuthority(clock.now())
    const made = new Authority(theirs).issueListener(['127.0.0.1'], clock.now())
    const member = await joinAs('n9')
    // another authority; ours shown by somebody without its key; and a node of ours, with a certificate of the same authority
    for (const [secure, shown, code, said] of [
      [made, theirs.certificate, 'Denied', /is not the control plane that made the join token/],
      [made, pair.certificate, 'Unreachable', /certificate|signature/],
      [
        { certificate: member.certificate, key: member.key },
        pair.certificate,
        'Unreachable',
        /not the control plane/,
      ],
    ] as const) {
      const between = await impostor(secure, shown)
      await refused(
        code,
        joinWith({ ...(await token()), addresses: [between.address] }, wish('n1'), never),
        said,
      )
      assert.equal(between.heard, [], 'it heard nothing')
      between.close()
    }
    assert.ok(authority.certificate)
  },
)

inScene(
  'the next listener is asked where one is away, and none where one says no',
  async ({ token, wish, address, issued }) => {
    const given = await token()
    const member = await joinWith({ ...given, addresses: ['127.0.0.1:1', address] }, wish('n1'), never)
    assert.is(member.node, 'n1')
    await refused(
      'Failed',
      joinWith({ ...given, addresses: [address, '127.0.0.1:1'] }, wish('n2'), never),
      /used already/,
    )
    await refused(
      'Unreachable',
      joinWith({ ...given, addresses: ['127.0.0.1:1'] }, wish('n2'), never),
      /cannot be reached/,
    )
    assert.is(issued.size, 1)
  },
)

const DAY_MS = 24 * 60 * 60 * 1000
for (const { clock, shiftMs, said } of [
  { clock: 'slow', shiftMs: DAY_MS, said: /its certificate is not valid yet by the clock of this machine/ },
  { clock: 'fast', shiftMs: -2 * DAY_MS, said: /its certificate has expired by the clock of this machine/ },
])
  test(`a machine whose clock is days ${clock} is told so`, async () => {
    const { joinAs, close, issued } = await scene({ shiftMs })
    try {
      const { next } = await refused('Unreachable', joinAs('n1'), said)
      assert.match(next ?? '', /compare the clocks of both machines: it is \d{4}-\d\d-\d\dT[\d:]+Z here/)
      assert.is(issued.size, 0)
    } finally {
      await close()
    }
  })

inScene('who tries too often waits', async ({ token, joinAs }) => {
  const good = await token()
  for (let n = 0; n < 10; n++) await refused('Failed', joinAs('n1', { ...good, secret: 'x' }), /is not known/)
  await refused('Failed', joinAs('n1', good), /too many tokens were tried/)
})

test('Attempts counts by address and all together, for a minute', () => {
  let nowMs = 0
  const attempts = new Attempts({ monotonic: () => nowMs })
  for (let n = 0; n < 10; n++) attempts.failed('a')
  assert.equal([attempts.mayTry('a'), attempts.mayTry('b')], [false, true])
  nowMs = 60_000
  assert.ok(attempts.mayTry('a'))
  for (let n = 0; n < 200; n++) attempts.failed(`x${n}`)
  assert.not.ok(attempts.mayTry('new'))
})

inScene(
  'what is no request, too long or elsewhere is told so and nothing else',
  async ({ pair, address }) => {
    const { request } = await import('node:https')
    const ask = (method: string, path: string, body: string) =>
      new Promise<readonly [number, string]>((resolve, reject) => {
        const [host, port] = address.split(':')
        const asked = request(
          { host, port, path, method, ca: pair.certificate, agent: false },
          (response) => {
            let text = ''
            response.on('data', (chunk) => {
              text += chunk
            })
            response.on('end', () => resolve([response.statusCode ?? 0, text]))
          },
        )
        asked.on('error', reject)
        asked.end(body)
      })
    for (const body of ['', '{', '[]', 'null', '{"id":1}', '{"id":"a","secret":"b"}'])
      assert.is((await ask('POST', '/v1/join', body))[0], 400, body)
    assert.is((await ask('POST', '/v1/join', `"${'x'.repeat(40_000)}"`))[0], 413)
    assert.is((await ask('POST', '/v1/renew', '{}'))[0], 403)
    for (const path of ['/', '/v1/join', '/v1/authority?x', '/../etc/passwd'])
      assert.is((await ask('GET', path, ''))[0], 404, path)
  },
)

inScene(
  'credentials of nodes that are gone end, and tokens that have expired go',
  async ({ api, issuer, issued, joinAs, token, clock }) => {
    await joinAs('n1')
    await joinAs('n2')
    const good = await token({ expiresAt: new Date(clock.now() + 3_600_000).toISOString() })
    await api.requestDelete({ kind: 'Node', name: 'n1' })
    const gone = await api.get({ kind: 'Node', name: 'n1' })
    for (const finalizer of gone?.metadata.finalizers ?? [])
      await api.removeFinalizer({ kind: 'Node', name: 'n1' }, finalizer)
    clock.shiftMs = 120_000
    await sweepOnce({ api, issuer, clock, logger: silentLogger })
    assert.equal([...issued.keys()], ['n2'])
    const { items } = await api.list(api.kinds.byKind('JoinToken'))
    assert.equal(
      items.map(({ metadata }) => metadata.name),
      [good.id],
    )
  },
)

inScene('a membership is kept whole, for its user alone, and kept good', async ({ joinAs, clock, api }) => {
  const folder = mkdtempSync(join(tmpdir(), 'nsctl-member-'))
  const path = join(folder, 'deep/membership.json')
  try {
    assert.is(await readMembership(path), undefined)
    const member = await joinAs('n1')
    await writeMembership(path, member)
    assert.equal(await readMembership(path), member)
    assert.is(statSync(path).mode & 0o777, 0o600)
    assert.equal(readdirSync(join(folder, 'deep')), ['membership.json'])
    const stop = new AbortController()
    clock.shiftMs = CERTIFICATE_MS * 0.7
    const renewing = keepRenewed({ path, membership: member, clock, logger: silentLogger }, stop.signal)
    let kept: Membership | undefined = member
    for (let left = 200; left > 0 && kept?.certificate === member.certificate; left--) {
      await new Promise((resolve) => setTimeout(resolve, 10))
      kept = await readMembership(path)
    }
    stop.abort()
    await renewing
    assert.not.equal(kept?.certificate, member.certificate)
    assert.equal({ ...kept, certificate: '' }, { ...member, certificate: '' })
    for (const text of ['', '{', '{}', '[]', JSON.stringify({ ...member, key: 1 })]) {
      writeFileSync(path, text)
      await refused('Invalid', readMembership(path), /does not hold what a node needs/)
    }
    assert.ok(await api.get({ kind: 'Node', name: 'n1' }))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.run()
