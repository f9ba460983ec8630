import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { manifest, openBench, options, refused } from './support.ts'

const app = { kind: 'Config', namespace: 'default', name: 'app' } as const
const config = (spec: object, metadata: object = {}) =>
  manifest('Config', { name: 'app', ...metadata }, { spec }, 'app.yaml')
const REFUSED = 'spec.data: cannot be changed: the Config is immutable; make one of another name and use that'

async function frozen() {
  const bench = await openBench()
  await bench.api.apply([config({ data: { a: '1' }, immutable: true })], options)
  return bench
}

test('apply refuses other content, and says where', async () => {
  const { api } = await frozen()
  const error = await refused('Invalid', () =>
    api.apply([config({ data: { a: '2' }, immutable: true })], options),
  )
  assert.is(error.message, `app.yaml: ${REFUSED}`)
  assert.match(error.next ?? '', /^nothing was applied/)
})

test('apply refuses to take immutable away by leaving it out', async () => {
  const { api } = await frozen()
  const error = await refused('Invalid', () => api.apply([config({ data: { a: '1' } })], options))
  assert.is(error.message, 'app.yaml: spec.immutable: stays true until the Config is deleted')
})

test('a document that never said immutable may be applied while an edit has made it so', async () => {
  const { api } = await openBench()
  await api.apply([config({ data: { a: '1' } })], options)
  await api.patch(app, 'merge', { spec: { immutable: true } }, options)
  const { results } = await api.apply([config({ data: { a: '1' } }, { labels: { tier: 'x' } })], options)
  assert.is(results[0]?.verdict, 'configured')
  const { results: again } = await api.apply([config({ data: { a: '1' } })], options)
  assert.is(again[0]?.object.spec?.immutable, true)
})

test('patch refuses as apply does, and lets labels through', async () => {
  const { api } = await frozen()
  const error = await refused('Invalid', () =>
    api.patch(app, 'merge', { spec: { data: { b: '' } } }, options),
  )
  assert.is(error.message, `config/app: ${REFUSED}`)
  const { verdict } = await api.patch(app, 'merge', { metadata: { labels: { a: 'b' } } }, options)
  assert.is(verdict, 'patched')
})

test('rollback cannot bring back what was before', async () => {
  const { api } = await openBench()
  await api.apply([config({ data: { a: '1' } })], options)
  await api.apply([config({ data: { a: '2' }, immutable: true })], options)
  const error = await refused('Invalid', () => api.rollback(app, { ...options, toRevision: 1 }))
  assert.match(error.message, '2 faults in config/app')
  assert.equal(error.issues, [
    `config/app: ${REFUSED}`,
    'config/app: spec.immutable: stays true until the Config is deleted',
  ])
})

test('what was deleted may be made anew', async () => {
  const { api } = await frozen()
  await api.delete(app, options)
  const { results } = await api.apply([config({ data: { a: '2' } })], options)
  assert.is(results[0]?.verdict, 'created')
})

test.run()
