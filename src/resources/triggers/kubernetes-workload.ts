import { messageOf } from '../../core/errors.ts'
import type { FieldIssue } from '../kinds.ts'
import { parseSelector } from '../selector.ts'
import { parameter } from './parameter.ts'
import type { ReadParameters, TriggerSchema } from './schema.ts'

export const kubernetesWorkloadTrigger: TriggerSchema = {
  types: ['kubernetes-workload'],
  description: 'How many instances with certain labels there are.',
  parameters: [
    parameter('podSelector', 'M', 'Their labels: `app=queue,tier!=front`.', { required: true }),
    parameter('value', 'M', 'What their number is compared with.', { type: 'number' }),
    parameter('activationValue', 'M', 'Active above it.', { default: '0', type: 'number' }),
    parameter('groupByNode', 'M', 'true: counts nodes that have one, instead of instances.', {
      default: 'false',
      type: 'boolean',
    }),
  ],
  target: 'value',
  activation: 'activationValue',
  metricTypes: ['AverageValue', 'Value'],
  check: checkSelector,
}

function checkSelector(parameters: ReadParameters): readonly FieldIssue[] {
  const value = parameters.text('podSelector')
  if (value === undefined) return []
  try {
    parseSelector(value)
    return []
  } catch (error) {
    return [{ path: ['metadata', 'podSelector'], message: messageOf(error), value }]
  }
}
