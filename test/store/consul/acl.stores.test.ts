/** Consul with access control on: what a token may not do is named, and a token never shows. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError, type NsctlError } from '../../../src/core/errors.ts'
import { type ConsulCluster, startConsul } from '../../lab/consul.ts'
import { canFetchDebs } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { commit, put } from '../contract-read.ts'
import { follow } from '../watching.ts'
import { freshUrl, openAt } from './scene.ts'

const MASTER = randomUUID()
let cluster: ConsulCluster

async function ask(path: string, body: unknown): Promise<Record<string, string>> {
  const response = await fetch(`http://${cluster.servers[0]!.address}/v1/acl/${path}`, {
    method: 'PUT',
    headers: { 'x-consul-token': MASTER },
    body: JSON.stringify(body),
  })
  return (await response.json()) as Record<string, string>
}

async function tokenWith(rules: string): Promise<string> {
  const name = `p-${randomUUID()}`
  await ask('policy', { Name: name, Rules: rules })
  const { SecretID } = await ask('token', { Policies: [{ Name: name }] })
  return SecretID!
}

async function refused(work: Promise<unknown>, secret: string): Promise<NsctlError> {
  try {
    await work
  } catch (error) {
    assert.ok(isNsctlError(error, 'Unreachable'), String(error))
    assert.is(error.exitCode, 3)
    const shown = inspect(error, { depth: 20, showHidden: true })
    assert.not.match(`${error.message} ${error.next} ${JSON.stringify(error)} ${shown}`, secret)
    return error
  }
  throw new Error('it was let through')
}

const withToken = (token: string) => ({ env: { CONSUL_HTTP_TOKEN: token } })
const prefixOf = (url: string) => `${new URL(url).pathname.slice(1)}/`

if (needs(test, canFetchDebs(), 'Debian packages') === test) {
  test.before(async () => {
    const acl = { enabled: true, default_policy: 'deny', tokens: { master: MASTER } }
    cluster = await startConsul({ config: { acl } })
    for (let left = 50; left > 0 && !(await tokenWith('').catch(() => undefined)); left--)
      await new Promise((resolve) => setTimeout(resolve, 100))
  })
  test.after(() => cluster.stop())

  test('a token with write on the prefix is enough, from the environment or from a file', async () => {
    const url = freshUrl(cluster.servers[0]!.address)
    const token = await tokenWith(`key_prefix "${prefixOf(url)}" { policy = "write" }`)
    const store = await openAt(url, withToken(token))
    await commit(store, put('a', '1'))
    assert.not.match(store.url, token)
    await store.close()
    const directory = mkdtempSync(join(tmpdir(), 'nsctl-token-'))
    writeFileSync(join(directory, 'token'), `${token}\n`)
    const again = await openAt(`${url}?token-file=${directory}/token`)
    assert.is((await again.get('a'))?.value, '1')
    assert.not.match(again.url, 'token')
    await again.close()
    rmSync(directory, { recursive: true })
  })

  test('a token that Consul does not know is named as such', async () => {
    const token = randomUUID()
    const url = freshUrl(cluster.servers[0]!.address)
    const error = await refused(openAt(url, withToken(token)), token)
    assert.is(error.message, `the store ${url} does not know the token`)
    assert.match(error.next!, 'CONSUL_HTTP_TOKEN')
  })

  test('without a token it is said which permission is missing', async () => {
    const url = freshUrl(cluster.servers[0]!.address)
    const error = await refused(openAt(url), MASTER)
    assert.is(error.message, `the store ${url} refuses the token: it may not write ${prefixOf(url)}format`)
    assert.is(error.next, `give the token a policy with key_prefix "${prefixOf(url)}" { policy = "write" }`)
  })

  test('a token that may only read reads and watches, and is told what it may not write', async () => {
    const url = freshUrl(cluster.servers[0]!.address)
    const writer = await openAt(url, withToken(MASTER))
    const from = await commit(writer, put('a', '1'), put('ab', '2'))
    const token = await tokenWith(`key_prefix "${prefixOf(url)}" { policy = "read" }`)
    const reader = await openAt(url, { ...withToken(token), readOnly: true })
    assert.is((await reader.list([''])).entries.length, 2)
    assert.equal(
      (await reader.getMany(['a', 'nothing', 'ab'])).map(({ key }) => key),
      ['a', 'ab'],
    )
    const watching = follow(reader, [''], from)
    await commit(writer, put('c', '3'))
    await watching.until('c', (w) => w.changes().length > 0)
    await watching.stop()
    await reader.close()
    const other = await openAt(url, withToken(token))
    const error = await refused(commit(other, put('d', '4', 0)), token)
    assert.match(error.message, `it may not write ${prefixOf(url)}data/d`)
    await other.close()
    await writer.close()
  })

  test('one that may not write is refused alone, not those that are committed with it', async () => {
    const url = freshUrl(cluster.servers[0]!.address)
    await (await openAt(url, withToken(MASTER))).close()
    const prefix = prefixOf(url)
    const token = await tokenWith(
      `key_prefix "${prefix}" { policy = "write" } key_prefix "${prefix}data/closed/" { policy = "read" }`,
    )
    const store = await openAt(url, withToken(token))
    const results = await Promise.allSettled(
      ['a', 'closed/b', 'c'].map((key) => commit(store, put(key, '', 0))),
    )
    assert.equal(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.equal(await store.listKeys(''), ['a', 'c'])
    await store.close()
  })

  test('a store that the token may not read is no empty store', async () => {
    const url = freshUrl(cluster.servers[0]!.address)
    await (await openAt(url, withToken(MASTER))).close()
    const token = await tokenWith(`key_prefix "${prefixOf(url)}data/" { policy = "write" }`)
    const error = await refused(openAt(url, { ...withToken(token), readOnly: true }), token)
    assert.match(error.next!, `key_prefix "${prefixOf(url)}" { policy = "read" }`)
  })
}

test.run()
