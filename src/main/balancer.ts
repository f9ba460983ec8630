/** The load balancer of this machine, where it has one. Which one that is lies in the state directory, for whoever ends what it leads to. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { OpenBalancer } from '../agent/edge/edge.ts'
import type { Clock } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import type { Balancer, BalancerEvents } from '../traffic/balancer.ts'
import type { Environment } from './paths.ts'

export interface BalancerOptions {
  readonly env: Environment
  readonly clock: Clock
  /** Where Caddy's admin API is; NSCTL_CADDY_ADMIN, or none, where left out. */
  readonly caddyAdmin?: string
}

/** Whose routes it leads. */
interface Owner {
  readonly store: string
  readonly node: string
}

interface Noted {
  readonly admin: string
  readonly owner: Owner
}

const CLEAR_LIMIT_MS = 5_000

/**
 * Undefined where there is none: then one that there was leads nothing any more. Connects to nothing yet. @throws NsctlError Invalid for an
 * address that is none
 */
export async function balancerOf(
  { env, clock, caddyAdmin = env.NSCTL_CADDY_ADMIN }: BalancerOptions,
  { stateDir, store, node }: Owner & { readonly stateDir: string },
): Promise<OpenBalancer | undefined> {
  if (caddyAdmin === undefined || caddyAdmin === '') {
    await clearBalancer(stateDir, clock)
    return undefined
  }
  const noted = { admin: caddyAdmin, owner: { store: placeOf(store), node } }
  const open = await opener(noted, clock)
  await writeFile(noteOf(stateDir), JSON.stringify(noted), { mode: 0o600 })
  return open
}

/** Has it lead nothing any more. Returns what it did, or why it could not, a line each. */
export async function clearBalancer(stateDir: string, clock: Clock): Promise<readonly string[]> {
  let noted: Noted
  try {
    noted = JSON.parse(await readFile(noteOf(stateDir), 'utf8'))
  } catch {
    // there was none
    return []
  }
  let balancer: Balancer | undefined
  try {
    balancer = (await opener(noted, clock))({})
    await balancer.lead([], AbortSignal.timeout(CLEAR_LIMIT_MS))
    await rm(noteOf(stateDir), { force: true })
    return [`took all routes out of ${balancer.name}`]
  } catch (error) {
    return [`what is led stays so: ${messageOf(error)}`]
  } finally {
    await balancer?.close()
  }
}

async function opener({ admin, owner }: Noted, clock: Clock): Promise<(events: BalancerEvents) => Balancer> {
  const { parseAdminUrl } = await import('../traffic/caddy/admin.ts')
  const { openCaddy } = await import('../traffic/caddy/balancer.ts')
  const address = parseAdminUrl(admin)
  return (events) => openCaddy({ admin: address, owner, clock, ...events })
}

function noteOf(stateDir: string): string {
  return join(stateDir, 'balancer.json')
}

/** The store without the host that it is reached at, of which it may have several on several days. */
function placeOf(storeUrl: string): string {
  return storeUrl.replace(/^((?:consul|etcd)s?):\/\/[^/?]*([^?]*).*$/, '$1:$2')
}
