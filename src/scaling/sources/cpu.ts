/** Thousandths of a core that each instance uses. */
import { usageSource } from '../instance-usage.ts'

export const cpu = usageSource('cpu')
