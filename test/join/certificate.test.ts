/** Certificates are read by OpenSSL, through Node and its TLS. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../src/core/errors.ts'
import {
  Authority,
  CERTIFICATE_MS,
  fingerprintOf,
  isControlPlane,
  keyPem,
  makeAuthority,
  newKey,
  nodeOfSubject,
} from '../../src/join/authority.ts'

const NOW = Date.UTC(2026, 10, 21, 6, 0, 0)
const pair = makeAuthority(NOW)
const authority = new Authority(pair)
const root = new X509Certificate(pair.certificate)

function nodeCertificate(node = 'alpha.example', nowMs = NOW) {
  const key = newKey()
  const pem = authority.issueNode({ node, joining: 'j1' }, keyPem(createPublicKey(key)), nowMs)
  return { key: keyPem(key), pem, certificate: new X509Certificate(pem) }
}

test('an authority signs itself, certificates only, and none beneath it', () => {
  assert.ok(root.ca)
  assert.ok(root.verify(root.publicKey))
  assert.ok(root.checkIssued(root))
  assert.is(root.subject, 'O=nsctl\nCN=nsctl node authority')
  assert.match(fingerprintOf(pair.certificate), /^[0-9a-f]{64}$/)
  assert.not.equal(fingerprintOf(pair.certificate), fingerprintOf(makeAuthority(NOW).certificate))
  assert.throws(() => new Authority({ certificate: pair.certificate, key: makeAuthority(NOW).key }))
})

test('a node’s certificate says which node, for a day, and is no authority', () => {
  const { certificate, key } = nodeCertificate()
  assert.ok(certificate.verify(root.publicKey) && certificate.checkIssued(root))
  assert.ok(certificate.checkPrivateKey(createPrivateKey(key)))
  assert.is(certificate.ca, false)
  assert.is(certificate.subjectAltName, 'DNS:alpha.example')
  assert.equal(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
  assert.is(Date.parse(certificate.validTo), NOW + CERTIFICATE_MS)
  assert.ok(Date.parse(certificate.validFrom) < NOW)
  assert.equal(nodeOfSubject(certificate.toLegacyObject().subject as never), {
    node: 'alpha.example',
    joining: 'j1',
  })
  assert.is(isControlPlane(certificate.toLegacyObject().subject as never), false)
  const serials = Array.from({ length: 20 }, () => nodeCertificate().certificate.serialNumber)
  assert.is(new Set(serials).size, 20)
})

test('a listener’s certificate is for names and addresses, and is no node’s', () => {
  const { certificate } = authority.issueListener(['join.example', '10.0.0.1', '::1', 'fd00:0:0:1::a'], NOW)
  const read = new X509Certificate(certificate)
  assert.is(
    read.subjectAltName,
    'DNS:join.example, IP Address:10.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:FD00:0:0:1:0:0:0:A',
  )
  assert.is(read.checkIP('10.0.0.1'), '10.0.0.1')
  const subject = read.toLegacyObject().subject as never
  assert.equal([isControlPlane(subject), nodeOfSubject(subject)], [true, undefined])
})

test('a key of another kind is refused', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const others = [
    rsa.publicKey,
    generateKeyPairSync('ed25519').publicKey,
    generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey,
  ]
  for (const text of [...others.map(keyPem), keyPem(newKey()), '', 'x', root.toString()])
    try {
      authority.issueNode({ node: 'a', joining: 'j' }, text, NOW)
      assert.unreachable('it was signed')
    } catch (error) {
      assert.ok(isNsctlError(error, 'Invalid'), String(error))
    }
})

test('both ends of a connection take each other’s for what they are, and no other’s', async () => {
  const nowMs = Date.now()
  const live = makeAuthority(nowMs)
  const [ca, other] = [new Authority(live), new Authority(makeAuthority(nowMs))]
  const server = ca.issueListener(['127.0.0.1'], nowMs)
  const sockets: TLSSocket[] = []
  const listening = createServer(
    {
      cert: server.certificate,
      key: server.key,
      ca: [live.certificate],
      requestCert: true,
      rejectUnauthorized: false,
    },
    (socket) => {
      sockets.push(socket)
      socket.on('error', () => {})
      socket.end(JSON.stringify([socket.authorized, socket.getPeerCertificate().subject ?? null]))
    },
  )
  listening.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  const { port } = listening.address() as AddressInfo
  const ask = async (issuer: Authority, atMs: number) => {
    const key = newKey()
    const cert = issuer.issueNode({ node: 'n1', joining: 'j' }, keyPem(createPublicKey(key)), atMs)
    const socket = connect({ port, host: '127.0.0.1', ca: live.certificate, cert, key: keyPem(key) })
    let text = ''
    for await (const chunk of socket) text += chunk
    return JSON.parse(text) as readonly [boolean, Record<string, string> | null]
  }
  const [authorized, subject] = await ask(ca, nowMs)
  assert.is(authorized, true)
  assert.equal(nodeOfSubject(subject ?? {}), { node: 'n1', joining: 'j' })
  assert.is((await ask(other, nowMs))[0], false, 'of another authority')
  assert.is((await ask(ca, nowMs - 2 * CERTIFICATE_MS))[0], false, 'one that has expired')
  const wrong = connect({ port, host: '127.0.0.1', ca: makeAuthority(nowMs).certificate })
  const [error] = await once(wrong, 'error').catch((thrown) => [thrown])
  assert.match(String(error), /certificate|signature/)
  for (const socket of sockets) socket.destroy()
  listening.close()
})

test.run()
