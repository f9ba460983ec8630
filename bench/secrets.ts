/** Sealing and opening 1,000 secrets beside the same by age-encryption alone, in turns; and what sealing adds to a command. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { armor, Decrypter, Encrypter } from 'age-encryption'
import { newIdentity } from '../src/secrets/identity.ts'
import { openValue, sealValue, type ValuePlace } from '../src/secrets/value.ts'
import { type Contender, cleanEnv, compare, median, type Row } from './measure.ts'

const COUNT = 1_000
const TURN = 100
const ROUNDS = 5
const APPLIES = 15
const VALUE_BYTES = 32

const bench = 'secrets'

export async function benchSecrets(nsctl: string): Promise<readonly Row[]> {
  return [...(await thousand()), ...applyingOne(nsctl)]
}

/**
 * Sealed to two, an operator and the control plane, as a Secret is; opened by the second. In turns of a hundred, so that whatever else
 * the machine does falls on both alike.
 */
async function thousand(): Promise<readonly Row[]> {
  const [operator, plane] = [await newIdentity(), await newIdentity()]
  const recipients = [operator.recipient, plane.recipient]
  const secret = plane.reveal()
  const value = new Uint8Array(randomBytes(VALUE_BYTES))
  const place: ValuePlace = { namespace: 'prod', name: 'db', key: 'password' }
  const sealed = await sealValue(value, place, recipients)
  const file = await sealByLibrary(value, recipients)
  const works = {
    seal: () => sealValue(value, place, recipients),
    theirSeal: () => sealByLibrary(value, recipients),
    open: () => openValue(sealed, place, [plane]),
    theirOpen: () => openByLibrary(file, secret),
  }
  const rounds: Record<keyof typeof works, number>[] = []
  for (let round = -1; round < ROUNDS; round++) {
    const elapsed = { seal: 0, theirSeal: 0, open: 0, theirOpen: 0 }
    for (let turn = 0; turn < COUNT / TURN; turn++)
      for (const [name, work] of Object.entries(works)) {
        const startedMs = performance.now()
        for (let n = 0; n < TURN; n++) await work()
        elapsed[name as keyof typeof works] += performance.now() - startedMs
      }
    if (round >= 0) rounds.push(elapsed)
  }
  const ms = (name: keyof typeof works) => median(rounds.map((round) => round[name]))
  const ours = ms('seal') + ms('open')
  const theirs = ms('theirSeal') + ms('theirOpen')
  return [
    {
      bench,
      what: `seal and open ${COUNT} secrets ÷ age-encryption`,
      value: ours / theirs,
      unit: '×',
      goal: 2,
    },
    {
      bench,
      what: `seal ${COUNT} ÷ age-encryption`,
      value: ms('seal') / ms('theirSeal'),
      unit: '×',
      goal: 2,
    },
    {
      bench,
      what: `open ${COUNT} ÷ age-encryption`,
      value: ms('open') / ms('theirOpen'),
      unit: '×',
      goal: 2,
    },
    { bench, what: `seal ${COUNT} secrets`, value: ms('seal'), unit: 'ms' },
    { bench, what: `open ${COUNT} secrets`, value: ms('open'), unit: 'ms' },
  ]
}

async function sealByLibrary(value: Uint8Array, recipients: readonly string[]): Promise<string> {
  const encrypter = new Encrypter()
  for (const recipient of recipients) encrypter.addRecipient(recipient)
  return armor.encode(await encrypter.encrypt(value))
}

async function openByLibrary(file: string, identity: string): Promise<Uint8Array> {
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  return decrypter.decrypt(armor.decode(file))
}

/** What sealing adds to a command: a Secret of one value beside a Config of one. Each round has another value. */
function applyingOne(nsctl: string): readonly Row[] {
  const home = mkdtempSync(join(tmpdir(), 'nsctl-bench-'))
  try {
    const env = cleanEnv({ NSCTL_HOME: home, NSCTL_CONFIG: join(home, 'config') })
    const applying = (name: string, documentOf: (value: string) => object): Contender => {
      const file = join(home, `${name}.json`)
      const write = () =>
        writeFileSync(file, JSON.stringify(documentOf(randomBytes(VALUE_BYTES).toString('hex'))))
      return { name, command: [nsctl, 'apply', '-f', file], env, before: write }
    }
    const head = { apiVersion: 'nsctl.dev/v1alpha1', metadata: { name: 'one' } }
    const timings = compare(
      [
        applying('config', (a) => ({ ...head, kind: 'Config', spec: { data: { a } } })),
        applying('secret', (a) => ({ ...head, kind: 'Secret', stringData: { a } })),
      ],
      APPLIES,
    )
    const ms = (name: string) => timings.find((one) => one.name === name)?.medianMs ?? Number.NaN
    return [
      { bench, what: 'apply one Secret ÷ one Config', value: ms('secret') / ms('config'), unit: '×' },
      { bench, what: 'apply one Secret − one Config', value: ms('secret') - ms('config'), unit: 'ms' },
    ]
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}
