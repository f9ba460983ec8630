import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../src/core/errors.ts'
import {
  digestOf,
  matches,
  newToken,
  parseToken,
  readJoinAnswer,
  readJoinRequest,
  tokenText,
} from '../../src/join/token.ts'

const FINGERPRINT = 'a'.repeat(64)

test('a token is one word, and comes back whole', () => {
  const token = newToken(['10.0.0.1:9443', '[::1]:9443'], FINGERPRINT)
  const text = tokenText(token)
  assert.match(text, /^nsctl-join-1\.[\w-]+$/)
  assert.equal(parseToken(` ${text}\n`), token)
  assert.not.equal(newToken([], FINGERPRINT).secret, token.secret)
  assert.ok(Buffer.from(token.secret, 'base64url').length >= 32)
})

test('what is none is refused without being repeated', () => {
  const whole = tokenText(newToken(['h:1'], FINGERPRINT))
  const none = tokenText({ ...newToken([], FINGERPRINT) })
  const short = tokenText({ ...newToken(['h:1'], 'abc') })
  for (const text of [
    '',
    'x',
    whole.slice(0, -30),
    whole.replace('nsctl-join-1', 'nsctl-join-2'),
    none,
    short,
    'nsctl-join-1.e30',
  ])
    try {
      parseToken(text)
      assert.unreachable(text)
    } catch (error) {
      assert.ok(isNsctlError(error, 'Invalid'))
      assert.not.ok(text.length > 20 && JSON.stringify(error).includes(text.slice(14)))
    }
})

test('a secret matches its own digest only', () => {
  const { secret } = newToken(['h:1'], FINGERPRINT)
  assert.ok(matches(secret, digestOf(secret)))
  for (const digest of [digestOf('x'), '', 'é', digestOf(secret).slice(1)])
    assert.not.ok(matches(secret, digest))
})

test('requests and answers that are none are told', () => {
  const request = { id: 'a', secret: 'b', node: 'n', publicKey: 'p', recipient: 'r', labels: {} }
  assert.equal(readJoinRequest(request), request)
  for (const wrong of [
    undefined,
    null,
    [],
    'x',
    {},
    { ...request, node: 1 },
    { ...request, labels: { a: 1 } },
    { ...request, labels: undefined },
  ])
    assert.is(readJoinRequest(wrong), undefined)
  const answer = { node: 'n', certificate: 'c', storeUrl: 'u', credential: { A: 'b' } }
  assert.equal(readJoinAnswer(answer), answer)
  for (const wrong of [undefined, {}, { ...answer, credential: 'x' }, { ...answer, credential: { a: 1 } }])
    assert.is(readJoinAnswer(wrong), undefined)
})

test.run()
