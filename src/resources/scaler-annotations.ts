/** What people tell a scaler by annotations. KEDA's mean what they mean in KEDA. */
import { OWN_PREFIX } from './object.ts'

/** `"true"`: nothing is changed. Any other value of KEDA's is the same as none. */
export const PAUSED = 'autoscaling.keda.sh/paused'
/** Held at so many. */
export const PAUSED_REPLICAS = 'autoscaling.keda.sh/paused-replicas'
/** `"true"`: it does not shrink. */
export const PAUSED_SCALE_IN = 'autoscaling.keda.sh/paused-scale-in'
/** `"true"`: it does not grow. */
export const PAUSED_SCALE_OUT = 'autoscaling.keda.sh/paused-scale-out'

/**
 * A time (RFC 3339). Whenever it changes, all triggers are looked at now; once that was decided upon, `status.polledFor` says the same
 * time, and `status.decision` is the decision, whether or not it changed anything.
 */
export const POLL_REQUESTED = `${OWN_PREFIX}poll-requested`
