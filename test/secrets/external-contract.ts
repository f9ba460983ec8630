/** The contract of src/secrets/external.ts as tests, for every source. */
import { inspect } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { SecretExternal, SecretKeyRef } from '../../src/resources/generated/types.ts'
import {
  type ExternalCredentials,
  ExternalError,
  type ExternalReason,
  type ExternalSource,
} from '../../src/secrets/external.ts'

/** A source with something behind it that a test can change. */
export interface ExternalBench {
  readonly source: ExternalSource
  /** A spec that reads the secret `name`. */
  spec(name: string): SecretExternal
  /** Writes a new state of it. */
  put(name: string, values: Readonly<Record<string, string>>): void
  remove(name: string): void
  /** From now on nobody answers, or somebody again. */
  away(is: boolean): Promise<void>
  close(): Promise<void>
}

/** The one credential that lets somebody in. */
export const CREDENTIAL = 'planted-credential-7f3a'
const VALUE = 'planted-value-91bc'

export const credentials = (text = CREDENTIAL): ExternalCredentials => ({ get: async () => text })
export const never = new AbortController().signal

/** The error of `run`, which must be one of the port's and hold nothing secret. */
export async function refusedBy(
  run: () => Promise<unknown>,
  reason?: ExternalReason,
): Promise<ExternalError> {
  const error = await run().then(
    () => assert.unreachable('it was let in'),
    (thrown: unknown) => thrown,
  )
  assert.instance(error, ExternalError, inspect(error))
  const refused = error as ExternalError
  // what a log would show, causes and hidden members included
  const all = inspect(refused, { depth: 20, showHidden: true }) + JSON.stringify(refused)
  for (const planted of ['planted', 'hvs.']) assert.not.match(all, planted)
  if (reason !== undefined) assert.is(refused.reason, reason, refused.message)
  return refused
}

export const textOf = (values: ReadonlyMap<string, Uint8Array>) =>
  Object.fromEntries([...values].map(([key, value]) => [key, new TextDecoder().decode(value)]))

/** Registers the contract with uvu. */
export function externalContract(name: string, open: () => Promise<ExternalBench>): void {
  const of = (what: string, run: (bench: ExternalBench) => Promise<void>) =>
    test(`${name}: ${what}`, async () => {
      const bench = await open()
      try {
        await run(bench)
      } finally {
        bench.source.close()
        await bench.close()
      }
    })

  of('gives all values of a secret as they are', async ({ source, spec, put }) => {
    const values = {
      password: VALUE,
      empty: '',
      'odd key/ü': 'ünï\0\n ',
      __proto__: 'x',
      big: 'y'.repeat(100_000),
    }
    put('db', values)
    put('other', { a: 'b' })
    const { values: got, version } = await source.fetch(spec('db'), credentials(), never)
    assert.equal(textOf(got), values)
    assert.ok(version.length > 0 && version.length < 100)
  })

  of('gives what is there now, and keeps the name of what has not changed', async ({ source, spec, put }) => {
    put('db', { password: 'one' })
    const first = await source.fetch(spec('db'), credentials(), never)
    const again = await source.fetch(spec('db'), credentials(), never)
    assert.equal(again, first)
    put('db', { other: 'two' })
    const second = await source.fetch(spec('db'), credentials(), never)
    assert.equal(textOf(second.values), { other: 'two' })
    assert.is.not(second.version, first.version)
  })

  of('says that there is none, and that there is none any more', async ({ source, spec, put, remove }) => {
    await refusedBy(() => source.fetch(spec('db'), credentials(), never), 'Missing')
    put('db', { password: VALUE })
    await source.fetch(spec('db'), credentials(), never)
    remove('db')
    const error = await refusedBy(() => source.fetch(spec('db'), credentials(), never), 'Missing')
    assert.ok(error.next)
  })

  of('lets nobody in by the login of another', async ({ source, spec, put }) => {
    put('db', { password: VALUE })
    await source.fetch(spec('db'), credentials(), never)
    for (const wrong of ['planted-wrong', '', 'planted\nnewline', 'plänted'])
      await refusedBy(() => source.fetch(spec('db'), credentials(wrong), never), 'NotPermitted')
    await source.fetch(spec('db'), credentials(), never)
  })

  of('passes on why a credential cannot be had, and asks for it in the words of the spec', async (bench) => {
    const { source, spec, put } = bench
    put('db', { password: VALUE })
    const asked: SecretKeyRef[] = []
    const none = new Error('no such Secret')
    const lookup = async (ref: SecretKeyRef) => {
      asked.push(ref)
      throw none
    }
    const error = await source.fetch(spec('db'), { get: lookup }, never).catch((thrown: unknown) => thrown)
    assert.is(error, none)
    assert.equal(asked, [{ name: 'login', key: 'credential' }])
  })

  of('says that nobody answers, and goes on when somebody does', async ({ source, spec, put, away }) => {
    put('db', { password: VALUE })
    await source.fetch(spec('db'), credentials(), never)
    await away(true)
    const error = await refusedBy(() => source.fetch(spec('db'), credentials(), never), 'Unreachable')
    assert.is(error.code, 'Unreachable')
    await away(false)
    assert.equal(textOf((await source.fetch(spec('db'), credentials(), never)).values), { password: VALUE })
  })

  of('ends with the signal’s reason', async ({ source, spec, put }) => {
    put('db', { password: VALUE })
    const reason = new Error('enough')
    const before = await source.fetch(spec('db'), credentials(), AbortSignal.abort(reason)).catch((e) => e)
    assert.is(before, reason)
    const stop = new AbortController()
    const running = source.fetch(spec('db'), credentials(), stop.signal).catch((e) => e)
    stop.abort(reason)
    assert.is(await running, reason)
    assert.equal(textOf((await source.fetch(spec('db'), credentials(), never)).values), { password: VALUE })
  })

  of('serves many at once', async ({ source, spec, put }) => {
    for (let i = 0; i < 20; i++) put(`s${i}`, { n: String(i) })
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, i) => source.fetch(spec(`s${i}`), credentials(), never)),
    )
    assert.equal(
      all.map(({ values }) => textOf(values).n),
      Array.from({ length: 20 }, (_, i) => String(i)),
    )
  })
}
