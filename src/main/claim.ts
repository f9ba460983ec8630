/** Whose programs run on this machine: one store's, under one name as a Node. */
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { NsctlError } from '../core/errors.ts'
import { randomIds } from '../core/ids.ts'
import { refuseHopelessFolder } from './state-dir.ts'

const CLAIM_FILE = 'store-url'

/** What a machine's programs belong to. */
export interface Claim {
  readonly storeUrl: string
  /** What the machine is called as a Node: what it was called first, whatever its host name has become since. */
  readonly node: string
}

/** Where a runtime that keeps its things in `stateDir` notes whose programs it runs; there for as long as it may run some. */
export function claimFile(stateDir: string): string {
  return join(stateDir, CLAIM_FILE)
}

/**
 * Takes the programs of a runtime for a store, for good. A daemon with another store would end them as nobody's, and so
 * would one under another name: throws Conflict where they are another store's, and gives the name they have been run under.
 */
export async function claimPrograms(
  stateDir: string,
  storeUrl: string,
  host: string = hostname(),
): Promise<Claim> {
  const claim = (await readClaim(stateDir)) ?? (await makeClaim(stateDir, { storeUrl, node: nodeName(host) }))
  if (claim.storeUrl === storeUrl) return { storeUrl, node: claim.node || nodeName(host) }
  const owner = claim.storeUrl
  throw new NsctlError('Conflict', `this machine's programs belong to the store ${owner}, not ${storeUrl}`, {
    value: owner,
    next: `start with --store ${owner}, or give them up with nsctl down --store ${owner}`,
  })
}

/** What was claimed; undefined where nothing was. */
export async function readClaim(stateDir: string): Promise<Claim | undefined> {
  try {
    const [storeUrl = '', node = ''] = (await readFile(claimFile(stateDir), 'utf8')).split('\n')
    return { storeUrl, node }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Makes the programs that are `from`'s those of `to`, under the same name as a Node. False where they are not `from`'s. For a
 * store that was copied whole: a daemon with the copy takes them for its own.
 */
export async function handOverPrograms(stateDir: string, from: string, to: string): Promise<boolean> {
  const claim = await readClaim(stateDir)
  if (claim?.storeUrl !== from) return false
  const draft = await writeDraft(stateDir, { storeUrl: to, node: claim.node })
  await rename(draft, claimFile(stateDir))
  return true
}

/** Whole or not at all: half a name would lock out everybody. Of two at a time the first has it. */
async function makeClaim(stateDir: string, claim: Claim): Promise<Claim> {
  refuseHopelessFolder(stateDir)
  await mkdir(stateDir, { recursive: true, mode: 0o700 })
  const draft = await writeDraft(stateDir, claim)
  try {
    await link(draft, claimFile(stateDir))
    return claim
  } catch (error) {
    const first = await readClaim(stateDir)
    if (first === undefined) throw error
    return first
  } finally {
    await rm(draft, { force: true })
  }
}

/** The path of a claim that nobody sees yet. */
async function writeDraft(stateDir: string, { storeUrl, node }: Claim): Promise<string> {
  const draft = `${claimFile(stateDir)}.${randomIds.suffix(8)}`
  await writeFile(draft, `${storeUrl}\n${node}\n`, { mode: 0o600 })
  return draft
}

/** A host name as a Node may be called. */
export function nodeName(host: string = hostname()): string {
  const name = host
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '')
  return name === '' ? 'localhost' : name
}
