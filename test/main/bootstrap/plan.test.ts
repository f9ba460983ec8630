import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { chooseNode, hasToJoin } from '../../../src/main/bootstrap/plan.ts'
import { readSurvey, type Survey } from '../../../src/main/bootstrap/survey.ts'

const DEBIAN: Survey = {
  system: 'Linux',
  arch: 'x86_64',
  systemd: 252,
  isNixos: false,
  runsForeign: true,
  freeBytes: 2 ** 33,
  parcels: [],
  hasDaemon: false,
  hasJoined: false,
}
const HERE = { arch: 'x64', name: 'n1' }
const NODE24 = { path: '/run/current-system/sw/bin/node', version: '24.3.0' }

test('what a machine says is read', () => {
  const text = `system Linux
arch aarch64
systemd 257
nixos yes
foreign no
node 24.3.0 /run/current-system/sw/bin/node
free 1024
parcel node-24.3.0-0123
parcel nsctl-0.1.0-4567
daemon yes
joined yes
claim n1 consul://10.0.0.1:8500/nsctl
`
  assert.equal(readSurvey(text), {
    system: 'Linux',
    arch: 'aarch64',
    systemd: 257,
    isNixos: true,
    node: NODE24,
    runsForeign: false,
    freeBytes: 1024 * 1024,
    parcels: ['node-24.3.0-0123', 'nsctl-0.1.0-4567'],
    hasDaemon: true,
    hasJoined: true,
    claim: { storeUrl: 'consul://10.0.0.1:8500/nsctl', node: 'n1' },
  })
})

test('a bare machine has nothing of it, and what is no answer is refused', () => {
  const bare = readSurvey('system Linux\narch x86_64\nsystemd 252\nfree 8388608\n')
  assert.equal(bare, DEBIAN)
  assert.is(readSurvey('system Linux\narch x86_64\n').systemd, undefined)
  assert.throws(() => readSurvey('Welcome!\n'), /does not say what it is/)
})

for (const c of [
  { name: 'ours is sent', survey: {}, want: { kind: 'send' } },
  {
    name: 'ours is sent where it has an old one',
    survey: { node: { path: '/usr/bin/node', version: '18.1.0' } },
    want: { kind: 'send' },
  },
  {
    name: 'on another architecture its own is taken',
    survey: { arch: 'aarch64', node: { path: '/usr/bin/node', version: '24.0.0' } },
    want: { kind: 'own', path: '/usr/bin/node' },
  },
  {
    name: 'on NixOS its own is taken',
    survey: { isNixos: true, runsForeign: false, node: NODE24 },
    want: { kind: 'own', path: NODE24.path },
  },
  { name: 'on NixOS with nix-ld ours is sent', survey: { isNixos: true }, want: { kind: 'send' } },
] as const)
  test(`of Nodes ${c.name}`, () => assert.equal(chooseNode({ ...DEBIAN, ...c.survey }, HERE), c.want))

for (const c of [
  { name: 'on NixOS without one', survey: { isNixos: true, runsForeign: false }, says: /runs NixOS/ },
  {
    name: 'of another architecture',
    survey: { arch: 'aarch64' },
    says: /it is aarch64, and this machine's Node is for x64/,
  },
  { name: 'of another system', survey: { system: 'Darwin' }, says: /nodes run Linux/ },
  { name: 'without systemd', survey: { systemd: undefined }, says: /does not run systemd/ },
  { name: 'of an old systemd', survey: { systemd: 241 }, says: /runs systemd 241: 250/ },
  { name: 'whose disk is full', survey: { freeBytes: 2 ** 20 }, says: /has 1 MiB left/ },
  { name: 'with a control plane', survey: { hasDaemon: true }, says: /control plane of its own/ },
  {
    name: 'of another name',
    survey: { claim: { storeUrl: 'consul://a/b', node: 'n7' } },
    says: /is node n7 already, of consul:\/\/a\/b/,
  },
] as const)
  test(`a machine ${c.name} is refused`, () =>
    assert.throws(() => chooseNode({ ...DEBIAN, ...c.survey } as Survey, HERE), c.says))

const NEVER = { exists: false, isHeard: false }
const SILENT = { exists: true, isHeard: false }
const HEARD = { exists: true, isHeard: true }
for (const c of [
  { name: 'a bare machine joins', hasJoined: false, known: NEVER, want: true },
  { name: 'one that was set up anew joins again', hasJoined: false, known: SILENT, want: true },
  { name: 'one that has joined does not', hasJoined: true, known: SILENT, want: false },
  { name: 'nor does one that runs', hasJoined: true, known: HEARD, want: false },
  { name: 'one whose Node was deleted joins again', hasJoined: true, known: NEVER, want: true },
])
  test(c.name, () => assert.is(hasToJoin({ ...DEBIAN, hasJoined: c.hasJoined }, c.known, 'n1'), c.want))

test('a machine does not take the name of another that runs', () =>
  assert.throws(() => hasToJoin(DEBIAN, HEARD, 'n1'), /node\/n1 is another machine/))

test.run()
