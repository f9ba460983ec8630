/** KEDA's annotations. */
import { MOST_REPLICAS } from '../../resources/service/replicas.ts'
import type { Pause } from '../policy.ts'

const PAUSED = 'autoscaling.keda.sh/paused'
const PAUSED_REPLICAS = 'autoscaling.keda.sh/paused-replicas'
const PAUSED_SCALE_IN = 'autoscaling.keda.sh/paused-scale-in'
const PAUSED_SCALE_OUT = 'autoscaling.keda.sh/paused-scale-out'
const FORCE_ACTIVATION = 'autoscaling.keda.sh/force-activation'

/** As KEDA reads them: what is neither true nor false means true. `paused-replicas` counts before the others, and pauses whatever `paused` says. */
export function compilePause(annotations: Readonly<Record<string, string>>): Pause | undefined {
  const replicas = annotations[PAUSED_REPLICAS]
  if (replicas !== undefined) {
    const isCount = /^[0-9]{1,9}$/.test(replicas.trim())
    return { kind: 'all', replicas: isCount ? Math.min(Number(replicas), MOST_REPLICAS) : undefined }
  }
  const isIn = isSet(annotations[PAUSED_SCALE_IN])
  const isOut = isSet(annotations[PAUSED_SCALE_OUT])
  if (isSet(annotations[PAUSED]) || (isIn && isOut)) return { kind: 'all', replicas: undefined }
  if (isIn) return { kind: 'in', replicas: undefined }
  return isOut ? { kind: 'out', replicas: undefined } : undefined
}

/** KEDA's annotation force-activation. */
export function isForced(annotations: Readonly<Record<string, string>>): boolean {
  return isSet(annotations[FORCE_ACTIVATION])
}

function isSet(annotation: string | undefined): boolean {
  return annotation !== undefined && !/^(false|f|0)$/i.test(annotation.trim())
}
