/** What is said of each trigger afterwards. */
import type { DecisionInput, TriggerVerdict } from '../decision.ts'
import type { TriggerAssessment } from './assess.ts'
import { formatNumber } from './format.ts'
import type { Wish } from './wish.ts'

export function verdictsOf(
  { triggers, fallbacks, decider }: Wish,
  { time }: DecisionInput,
): TriggerVerdict[] {
  const verdicts: TriggerVerdict[] = []
  for (let index = 0; index < triggers.length; index++) {
    const assessment = triggers[index]!
    const base = baseOf(assessment, time.steadyMs)
    const isDecider = decider !== undefined && decider.index === index
    const fallback = fallbacks[index]
    if (assessment.error !== undefined) {
      const text = `cannot be read: ${assessment.error}`
      verdicts.push({
        ...base,
        text: fallback === undefined ? text : `${text}; fallback ${formatNumber(fallback)}`,
        proposal: fallback,
        decides: isDecider,
      })
    } else if (assessment.metrics.length === 0) verdicts.push({ ...base, text: 'nothing runs to measure' })
    else
      for (const metric of assessment.metrics) {
        const { name, value, target, proposal, text } = metric
        const decides = isDecider && decider.metric === metric
        verdicts.push({ ...base, metric: name, value, target, proposal, text, decides })
      }
  }
  return verdicts
}

function baseOf({ trigger, input, active, error }: TriggerAssessment, nowMs: number): TriggerVerdict {
  return {
    key: trigger.key,
    type: trigger.type,
    metric: '',
    metricType: trigger.metricType,
    value: undefined,
    target: trigger.target,
    unit: trigger.unit,
    proposal: undefined,
    active,
    text: '',
    decides: false,
    error,
    failures: input?.failures ?? 0,
    ageMs: input?.readAtMs === undefined ? undefined : Math.max(0, nowMs - input.readAtMs),
  }
}
