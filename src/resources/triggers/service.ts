/** The size of another Service, as a trigger. */
import type { FieldIssue } from '../kinds.ts'
import type { ReadParameters, TriggerSchema } from './schema.ts'

export const serviceTrigger: TriggerSchema = {
  types: ['service'],
  description: 'How many instances of another Service are ready: a backend that follows its front.',
  parameters: [
    { name: 'service', from: 'M', required: true, description: 'The other Service.' },
    {
      name: 'namespace',
      from: 'M',
      description: 'Its namespace; that of the ScaledObject where it is left out.',
    },
    {
      name: 'value',
      from: 'M',
      required: true,
      type: 'number',
      minimum: 0,
      description:
        'For how many of its instances there is to be one: 3 for a third of them, 0.5 for twice as many.',
    },
    {
      name: 'activationValue',
      from: 'M',
      type: 'number',
      minimum: 0,
      default: '0',
      description: 'It is active with more than so many.',
    },
  ],
  target: 'value',
  activation: 'activationValue',
  metricTypes: ['AverageValue', 'Value'],
  check: checkService,
}

function checkService(parameters: ReadParameters): readonly FieldIssue[] {
  return parameters.number('value') === 0
    ? [{ path: ['metadata', 'value'], message: 'must be above 0', value: '0' }]
    : []
}
