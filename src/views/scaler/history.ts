/** Decisions and samples as tables. */
import type { Decision } from '../../scaling/decide.ts'
import { renderRows } from '../table.ts'
import { printable } from '../width.ts'
import type { TimedSample } from './record.ts'
import type { ZoneTimes } from './times.ts'

/** Whose it is, where there may be several. */
interface Owned {
  readonly uid?: string
}

/** In the order in which they are given. */
export function decisionsTable(decisions: readonly (Decision & Owned)[], times: ZoneTimes): string {
  if (decisions.length === 0) return ''
  const rows = decisions.map(({ at, from, to, active, because, limited, fallback }) => [
    times.text(Date.parse(at)),
    from === to ? `stays ${to}` : `${from} → ${to}`,
    active ? 'yes' : 'no',
    fallback ? 'Fallback' : (limited?.reason ?? '-'),
    printable(because),
  ])
  const headings = [`TIME (${times.zone})`, 'CHANGE', 'ACTIVE', 'HELD BY', 'BECAUSE']
  return renderRows(withOwners([headings, ...rows], decisions))
}

/** In the order in which they are given; a column for each trigger. */
export function samplesTable(samples: readonly (TimedSample & Owned)[], times: ZoneTimes): string {
  if (samples.length === 0) return ''
  const keys = [...new Set(samples.flatMap(({ demand }) => Object.keys(demand)))].sort()
  const rows = samples.map(({ atMs, replicas, desired, ready, active, demand, errors = {} }) => [
    times.text(atMs),
    String(replicas),
    String(desired),
    String(ready),
    active ? 'yes' : 'no',
    ...keys.map((key) => numberText(demand[key])),
    printable(
      Object.entries(errors)
        .map(([key, error]) => `${key}: ${error}`)
        .join('; '),
    ),
  ])
  const headings = [
    `TIME (${times.zone})`,
    'REPLICAS',
    'WANTED',
    'READY',
    'ACTIVE',
    ...keys.map((key) => key.toUpperCase()),
    '',
  ]
  return renderRows(withOwners([headings, ...rows], samples))
}

/** `rows`, of which the first are headings, with so much of the uids as tells them apart. */
function withOwners(
  [headings = [], ...rows]: readonly (readonly string[])[],
  owned: readonly Owned[],
): readonly (readonly string[])[] {
  if (owned.every(({ uid }) => uid === undefined)) return [headings, ...rows]
  const [time = '', ...others] = headings
  return [
    [time, 'UID', ...others],
    ...rows.map(([at = '', ...cells], i) => [at, owned[i]?.uid?.slice(0, 8) || '-', ...cells]),
  ]
}

function numberText(value: number | null | undefined): string {
  return typeof value === 'number' ? String(Number(value.toPrecision(6))) : '-'
}
