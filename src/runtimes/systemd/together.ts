/**
 * Many starts as one transaction of systemd's. Each start that is asked for by itself is a transaction that looks through all that
 * its unit depends on; a slice that wants all of them is one (docs/decisions/0042).
 */
import type { DbusReader } from './dbus/reader.ts'
import type { DbusValue } from './dbus/writer.ts'
import { LISTED_SIGNATURE, type Listed } from './interfaces.ts'

/** Fewer are not worth a unit to want them. */
export const WORTH_IT = 8
/** What one message may be asked to hold. */
export const AT_ONCE = 500

/** A call of the manager's interface. */
type Call = (member: string, signature: string, body: readonly DbusValue[]) => Promise<DbusReader>

/**
 * Asks for the start of `units` through a slice of the name `slice`, which is gone afterwards. Returns those that systemd has
 * taken up. It says of the others neither that nor why: ask for them one by one.
 *
 * @throws what `call` throws, where systemd refuses the whole
 */
export async function startTogether(
  call: Call,
  units: readonly string[],
  slice: string,
): Promise<ReadonlySet<string>> {
  const properties = [
    ['Wants', { signature: 'as', value: units }],
    ['CollectMode', { signature: 's', value: 'inactive-or-failed' }],
  ]
  // sent together, so that systemd answers the second before it begins with the jobs that the first has made: what has none by
  // then was not taken up, and what ends at once is not mistaken for it
  const [, answer] = await Promise.all([
    call('StartTransientUnit', 'ssa(sv)a(sa(sv))', [slice, 'replace', properties, []]),
    call('ListUnitsByNames', 'as', [units]),
  ])
  const listed = answer.readAll(LISTED_SIGNATURE)[0] as Listed[]
  // it is only a way of asking; where this is lost, an empty slice stays until the next boot
  call('StopUnit', 'ss', [slice, 'replace']).catch(() => {})
  return new Set(listed.filter(isTakenUp).map(([unit]) => unit))
}

function isTakenUp([, , load, active, , , , job]: Listed): boolean {
  return load === 'loaded' && (job !== 0 || active === 'active' || active === 'activating')
}
