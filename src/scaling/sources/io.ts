/** Bytes that each instance reads and writes in a second. */
import { usageSource } from '../instance-usage.ts'

export const io = usageSource('io')
