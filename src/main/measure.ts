/** What analyses of canaries ask: Prometheus, through the source that scales by it. */

import type { Measure } from '../controllers/service/rollout/analyst.ts'
import { NsctlError } from '../core/errors.ts'
import { formatPath } from '../core/json.ts'
import { triggerSchema } from '../resources/triggers/index.ts'
import { readTrigger } from '../resources/triggers/read.ts'
import type { SourceGuards } from '../scaling/guard.ts'
import type { TriggerOpenerOptions, TriggerOwner } from './triggers.ts'

export interface MeasureOptions {
  readonly guards: Pick<SourceGuards, 'open'>
  readonly authenticate: TriggerOpenerOptions['authenticate']
}

const TYPE = 'prometheus'

/** Loads the source with the first analysis. */
export function measureBy({ guards, authenticate }: MeasureOptions): Measure {
  return async ({ prometheus }, { namespace, name }, signal) => {
    const owner: TriggerOwner = {
      ...{ kind: 'Service', namespace, name, service: { namespace, name }, container: undefined },
    }
    const { address, query, authenticationRef } = prometheus
    const authentication =
      authenticationRef === undefined ? {} : await authenticate(authenticationRef, owner, signal)
    const schema = triggerSchema(TYPE)
    if (schema === undefined) throw new NsctlError('Bug', `there are no parameters of ${TYPE}`)
    const read = readTrigger(schema, {
      // what it is compared with is the condition's
      metadata: { serverAddress: address, query, threshold: '1' },
      authentication,
    })
    const [issue] = read.issues
    if (issue !== undefined)
      throw new NsctlError('Invalid', `${formatPath(issue.path)} ${issue.message}`, { value: address })
    const { parameters, metadata, metricType } = read
    const opened = await guards.open({
      ...{ type: TYPE, name: 'analysis', parameters, metadata, authentication, metricType },
      owner: { kind: owner.kind, namespace, name },
      service: owner.service,
    })
    try {
      const { reading, error } = await opened.poll(signal)
      const value = reading?.kind === 'values' ? reading.metrics[0]?.value : undefined
      if (error !== undefined || value === undefined)
        throw new NsctlError('Unreachable', error ?? `${address} has no number`)
      return value
    } finally {
      await opened.close()
    }
  }
}
