/** What instances use of cpu and memory. */
import type { FieldIssue } from '../kinds.ts'
import { parameter } from './parameter.ts'
import type { MetricType, ReadParameters, TriggerParameter, TriggerSchema } from './schema.ts'

const PARAMETERS: readonly TriggerParameter[] = [
  parameter(
    'value',
    'M',
    'Utilization: per cent of what an instance asked for. AverageValue: a quantity such as 500m or 100Mi.',
    {
      required: true,
      type: 'quantity',
    },
  ),
  parameter('containerName', 'M', 'Of KEDA; has no effect: an instance counts as a whole.'),
  parameter('type', 'M', 'Utilization or AverageValue.', {
    enum: ['Utilization', 'AverageValue'],
    deprecated: "the trigger's metricType",
  }),
]

const METRIC_TYPES: readonly MetricType[] = ['Utilization', 'AverageValue']

export const cpuTrigger: TriggerSchema = {
  types: ['cpu'],
  description:
    'What instances use of the processor. It cannot tell work while none runs: it never scales from or to 0.',
  parameters: PARAMETERS,
  target: 'value',
  metricTypes: METRIC_TYPES,
  perInstance: true,
  check: checkUtilization,
}

export const memoryTrigger: TriggerSchema = {
  types: ['memory'],
  description:
    'What instances use of memory. It cannot tell work while none runs: it never scales from or to 0.',
  parameters: PARAMETERS,
  target: 'value',
  metricTypes: METRIC_TYPES,
  perInstance: true,
  check: checkUtilization,
}

function checkUtilization(parameters: ReadParameters, metricType: MetricType): readonly FieldIssue[] {
  const value = parameters.text('value')
  if (metricType !== 'Utilization' || value === undefined || /^[0-9]+$/.test(value)) return []
  return [
    { path: ['metadata', 'value'], message: 'must be whole per cent with metricType Utilization', value },
  ]
}
