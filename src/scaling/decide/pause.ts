/** KEDA's pausing annotations. They come after everything: paused is paused, bounds included. */
import type { ScalingPolicy } from '../policy.ts'
import type { Trail } from './trail.ts'

export function applyPause({ pause }: ScalingPolicy, current: number, trail: Trail): void {
  if (pause === undefined) trail.pass('pause', 'None', 'not paused')
  else if (pause.kind === 'all') holdAt(pause.replicas ?? current, trail)
  else holdDirection(pause.kind, current, trail)
}

function holdAt(to: number, trail: Trail): void {
  const wanted = trail.replicas
  if (wanted === to) trail.pass('pause', 'Paused', `paused at ${to}`)
  else trail.limit('pause', to, 'Paused', `paused at ${to}; it would be ${wanted}`)
}

function holdDirection(kind: 'in' | 'out', current: number, trail: Trail): void {
  const wanted = trail.replicas
  const isHeld = kind === 'in' ? wanted < current : wanted > current
  const what = kind === 'in' ? 'scaling in is paused' : 'scaling out is paused'
  if (isHeld)
    trail.limit(
      'pause',
      current,
      kind === 'in' ? 'ScaleInPaused' : 'ScaleOutPaused',
      `${what}; it would be ${wanted}`,
    )
  else trail.pass('pause', 'None', what)
}
