/** Where a machine that joined keeps what it needs, and which process is its agent. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isObject } from '../../core/json.ts'
import type { LeaseHolder } from '../../store/lease.ts'

/** @param stateDir the runtime's */
export function membershipFile(stateDir: string): string {
  return join(stateDir, 'membership.json')
}

function agentFile(stateDir: string): string {
  return join(stateDir, 'agent.json')
}

/** Says that this process is the agent: who ends it need not ask the store. */
export async function noteAgent(stateDir: string, holder: LeaseHolder): Promise<void> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 })
  await writeFile(agentFile(stateDir), JSON.stringify(holder), { mode: 0o600 })
}

/** The agent that was noted last, whether or not it still runs. */
export async function readAgent(stateDir: string): Promise<LeaseHolder | undefined> {
  try {
    const holder: unknown = JSON.parse(await readFile(agentFile(stateDir), 'utf8'))
    return isObject(holder) && typeof holder.pid === 'number' ? (holder as unknown as LeaseHolder) : undefined
  } catch {
    return undefined
  }
}

/** For a machine that is given up. True where it had joined. */
export async function removeMembership(stateDir: string): Promise<boolean> {
  const path = membershipFile(stateDir)
  const had = await readFile(path).then(
    () => true,
    () => false,
  )
  await rm(path, { force: true })
  await rm(agentFile(stateDir), { force: true })
  return had
}
