/** What a unit may use, in systemd's words. Pure. */
import type { ProgramLimits } from '../runtime.ts'

export function limitLines(limits: ProgramLimits): readonly string[] {
  const { cpuWeightMillis, cpuQuotaMillis, memoryMaxBytes, tasksMax } = limits
  const weight =
    cpuWeightMillis === undefined
      ? undefined
      : Math.min(10_000, Math.max(1, Math.round(cpuWeightMillis / 10)))
  return [
    ...(weight === undefined ? [] : [`CPUWeight=${weight}`]),
    ...(cpuQuotaMillis === undefined ? [] : [`CPUQuota=${Math.max(1, cpuQuotaMillis / 10)}%`]),
    ...(memoryMaxBytes === undefined ? [] : [`MemoryMax=${memoryMaxBytes}`, 'MemorySwapMax=0']),
    ...(tasksMax === undefined ? [] : [`TasksMax=${tasksMax}`]),
  ]
}
