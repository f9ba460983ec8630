/** Bytes of memory that each instance uses. */
import { usageSource } from '../instance-usage.ts'

export const memory = usageSource('memory')
