import type { FieldIssue } from '../kinds.ts'
import { parameter } from './parameter.ts'
import type { ReadParameters, TriggerSchema } from './schema.ts'

export const cronTrigger: TriggerSchema = {
  types: ['cron'],
  description: 'So many instances from one time to another. `rules` with `schedule` say the same as a floor.',
  parameters: [
    parameter('start', 'M', 'When it begins, in five fields of cron.', { required: true, type: 'cron' }),
    parameter('end', 'M', 'When it ends, in five fields of cron.', { required: true, type: 'cron' }),
    parameter('timezone', 'M', 'Europe/Berlin.', { required: true, type: 'timezone' }),
    parameter('desiredReplicas', 'M', 'So many instances meanwhile.', {
      required: true,
      type: 'integer',
      minimum: 1,
    }),
  ],
  metricTypes: ['AverageValue', 'Value'],
  check: checkWindow,
}

function checkWindow(parameters: ReadParameters): readonly FieldIssue[] {
  const start = parameters.text('start')
  if (start === undefined || start !== parameters.text('end')) return []
  return [{ path: ['metadata', 'end'], message: 'must not be the same as start', value: start }]
}
