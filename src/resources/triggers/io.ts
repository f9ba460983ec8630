/** What instances read and write, as a trigger. */
import type { TriggerSchema } from './schema.ts'

export const ioTrigger: TriggerSchema = {
  types: ['io'],
  description:
    'Bytes that the instances read from and write to disks in a second, the average of all. What the page cache answers is not counted.',
  parameters: [
    {
      name: 'value',
      from: 'M',
      required: true,
      type: 'number',
      minimum: 1,
      description: 'Bytes a second that one instance should read and write.',
    },
  ],
  target: 'value',
  metricTypes: ['AverageValue'],
  perInstance: true,
}
