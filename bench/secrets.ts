/**
 * Sealing and opening 1,000 secrets beside the same by age-encryption alone, and what the first of each costs a fresh process. In turns,
 * in one process.
 */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { armor, Decrypter, Encrypter } from 'age-encryption'
import { newIdentity } from '../src/secrets/identity.ts'
import { openValue, sealValue, type ValuePlace } from '../src/secrets/value.ts'
import { cleanEnv, median, type Row } from './measure.ts'

const COUNT = 1_000
const ROUNDS = 5
const STARTS = 9
const VALUE_BYTES = 32

const bench = 'secrets'

export async function benchSecrets(): Promise<readonly Row[]> {
  return [...(await thousand()), ...firstOnes()]
}

/** Sealed to two, an operator and the control plane, as a Secret is; opened by the second. */
async function thousand(): Promise<readonly Row[]> {
  const [operator, plane] = [await newIdentity(), await newIdentity()]
  const recipients = [operator.recipient, plane.recipient]
  const secret = plane.reveal()
  const values = Array.from({ length: COUNT }, () => new Uint8Array(randomBytes(VALUE_BYTES)))
  const places = values.map((_, n): ValuePlace => ({ namespace: 'prod', name: 'db', key: `key-${n}` }))

  const times = {
    seal: [] as number[],
    open: [] as number[],
    theirSeal: [] as number[],
    theirOpen: [] as number[],
  }
  for (let round = -1; round < ROUNDS; round++) {
    const sealed: Awaited<ReturnType<typeof sealValue>>[] = []
    const seal = await timed(async () => {
      for (const [n, value] of values.entries()) sealed.push(await sealValue(value, places[n]!, recipients))
    })
    const theirs: string[] = []
    const theirSeal = await timed(async () => {
      for (const value of values) theirs.push(await sealByLibrary(value, recipients))
    })
    const open = await timed(async () => {
      for (const [n, value] of sealed.entries()) await openValue(value, places[n]!, [plane])
    })
    const theirOpen = await timed(async () => {
      for (const file of theirs) await openByLibrary(file, secret)
    })
    if (round < 0) continue
    times.seal.push(seal)
    times.open.push(open)
    times.theirSeal.push(theirSeal)
    times.theirOpen.push(theirOpen)
  }
  const [seal, open, theirSeal, theirOpen] = [times.seal, times.open, times.theirSeal, times.theirOpen].map(
    median,
  ) as [number, number, number, number]
  return [
    {
      bench,
      what: `seal and open ${COUNT} secrets ÷ age-encryption`,
      value: (seal + open) / (theirSeal + theirOpen),
      unit: '×',
      goal: 2,
    },
    { bench, what: `seal ${COUNT} ÷ age-encryption`, value: seal / theirSeal, unit: '×', goal: 2 },
    { bench, what: `open ${COUNT} ÷ age-encryption`, value: open / theirOpen, unit: '×', goal: 2 },
    { bench, what: `seal ${COUNT} secrets`, value: seal, unit: 'ms' },
    { bench, what: `open ${COUNT} secrets`, value: open, unit: 'ms' },
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

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

/** The library's load included: what the first secret adds to a command. */
function firstOnes(): readonly Row[] {
  const source = join(import.meta.dirname, '../src/secrets')
  const ours = `
    const { newIdentity } = await import('${source}/identity.ts')
    const { openValue, sealValue } = await import('${source}/value.ts')
    const identity = await newIdentity()
    const place = { namespace: 'a', name: 'b', key: 'c' }
    const started = performance.now()
    await openValue(await sealValue(new Uint8Array(32), place, [identity.recipient]), place, [identity])
    console.log(performance.now() - started)`
  const theirs = `
    const started = performance.now()
    const { armor, Decrypter, Encrypter, generateX25519Identity, identityToRecipient } = await import('age-encryption')
    const identity = await generateX25519Identity()
    const [encrypter, decrypter] = [new Encrypter(), new Decrypter()]
    encrypter.addRecipient(await identityToRecipient(identity))
    decrypter.addIdentity(identity)
    await decrypter.decrypt(armor.decode(armor.encode(await encrypter.encrypt(new Uint8Array(32)))))
    console.log(performance.now() - started)`
  const [our, their] = [[] as number[], [] as number[]]
  for (let start = 0; start < STARTS; start++) {
    our.push(run(ours))
    their.push(run(theirs))
  }
  return [
    {
      bench,
      what: 'first secret of a process ÷ age-encryption',
      value: median(our) / median(their),
      unit: '×',
    },
    { bench, what: 'first secret of a process', value: median(our), unit: 'ms' },
  ]
}

function run(code: string): number {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    cwd: join(import.meta.dirname, '..'),
    env: cleanEnv(),
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`a first secret exits with ${status}: ${stderr}`)
  return Number(stdout)
}
