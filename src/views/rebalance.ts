/** Moves that are proposed, as a table. */
import { formatCount } from '../core/words.ts'
import type { Move } from '../placement/rebalance.ts'
import { renderRows } from './table.ts'
import { printable } from './width.ts'

export function renderMoves(moves: readonly Move[]): string {
  if (moves.length === 0) return 'nothing would stand better elsewhere\n'
  const rows = moves.map(({ namespace, instance, from, to, why }) => [
    namespace,
    instance,
    from,
    to,
    printable(why),
  ])
  return `${renderRows([['NAMESPACE', 'INSTANCE', 'FROM', 'TO', 'WHY'], ...rows])}${formatCount(moves.length, 'move')} proposed, none made\n`
}
