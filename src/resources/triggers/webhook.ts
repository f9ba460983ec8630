/** Events that others push: a POST to a path of its own on the controller's listener. */
import type { FieldIssue } from '../kinds.ts'
import type { ReadParameters, TriggerSchema } from './schema.ts'

export const webhookTrigger: TriggerSchema = {
  types: ['webhook'],
  description:
    'What others say, by POST to /hooks/<path>: a number, {"value": 3}, {"active": true}, or anything at all where events are counted. It scales at once.',
  parameters: [
    {
      name: 'value',
      from: 'M',
      required: true,
      type: 'number',
      minimum: 0,
      description: 'What the number is compared with.',
    },
    {
      name: 'activationValue',
      from: 'M',
      type: 'number',
      minimum: 0,
      default: '0',
      description: 'Active above it.',
    },
    {
      name: 'path',
      from: 'M',
      description:
        'Of its address, beneath /hooks/; the namespace, the name and the trigger’s name or index where it is left out: default/web/0.',
    },
    {
      name: 'mode',
      from: 'M',
      default: 'gauge',
      enum: ['gauge', 'count'],
      description:
        'gauge: what was said last counts, until something else is said. count: so many events within ttl; one with {"value": 3} counts as 3.',
    },
    {
      name: 'ttl',
      from: 'M',
      type: 'duration',
      description:
        'How long what is said holds. count: 1m where it is left out. gauge: for ever; after a ttl without a word nothing is known, which is an error.',
    },
    {
      name: 'signature',
      from: 'M',
      default: 'github',
      enum: ['github', 'standard-webhooks'],
      description:
        'How events are signed where there is a hmacSecret. github: X-Hub-Signature-256, of the body. standard-webhooks: webhook-signature, of webhook-id, webhook-timestamp and the body.',
    },
    {
      name: 'timestampHeader',
      from: 'M',
      description:
        'The header that has the Unix time in seconds at which an event was sent. Then X-Hub-Signature-256 is of that time, a dot and the body, and what is older than the tolerance is refused.',
    },
    {
      name: 'tolerance',
      from: 'M',
      type: 'duration',
      default: '5m',
      description:
        'How far a time that is signed may be from the time here. What was signed counts once in twice as long, however often it comes; with a gauge only where a time is signed.',
    },
    {
      name: 'token',
      from: 'EA',
      secret: true,
      description: 'Wanted as `Authorization: Bearer …`, or as X-Gitlab-Token.',
    },
    {
      name: 'hmacSecret',
      from: 'EA',
      secret: true,
      description:
        'Events are signed with it, as `signature` says; one of a standard-webhooks sender begins with whsec_.',
    },
  ],
  target: 'value',
  activation: 'activationValue',
  metricTypes: ['AverageValue', 'Value'],
  push: true,
  check: checkWebhook,
}

const PATH = /^[A-Za-z0-9._~-]+(\/[A-Za-z0-9._~-]+)*$/
const MAX_PATH = 200
const HEADER = /^[A-Za-z0-9-]{1,64}$/
/** What is taken is remembered for as long, and there may be a hundred a second. */
const [LEAST_TOLERANCE_MS, MOST_TOLERANCE_MS] = [1_000, 480_000]
const [SHORTEST_TTL_MS, LONGEST_TTL_MS] = [100, 86_400_000]

function checkWebhook(parameters: ReadParameters): readonly FieldIssue[] {
  const issues: FieldIssue[] = []
  const say = (name: string, message: string) => issues.push({ path: ['metadata', name], message })
  const path = parameters.text('path')
  if (path !== undefined && (!PATH.test(path) || path.length > MAX_PATH || /(^|\/)\.\.?(\/|$)/.test(path)))
    say('path', 'must be a path of letters, digits, . _ ~ and -, such as ci/builds')
  const ttlMs = parameters.durationMs('ttl')
  if (ttlMs !== undefined && (ttlMs < SHORTEST_TTL_MS || ttlMs > LONGEST_TTL_MS))
    say('ttl', 'must be between 100ms and 24h')
  const header = parameters.text('timestampHeader')
  if (header !== undefined && !HEADER.test(header))
    say('timestampHeader', 'must be the name of a header, such as X-Signature-Timestamp')
  if (header !== undefined && parameters.text('signature') === 'standard-webhooks')
    say('timestampHeader', 'cannot stand beside signature: standard-webhooks, which has its own')
  const toleranceMs = parameters.durationMs('tolerance')
  if (toleranceMs !== undefined && (toleranceMs < LEAST_TOLERANCE_MS || toleranceMs > MOST_TOLERANCE_MS))
    say('tolerance', 'must be between 1s and 8m')
  return issues
}
