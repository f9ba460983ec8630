/** Instances as an agent finds them in its cache. */
import type { Instance } from '../../../src/resources/generated/types.ts'

export const times = { period: '2s', timeout: '1s', failureThreshold: 3, successThreshold: 1 }

/** A ready one. */
export function instance(template: object, status: object = {}, metadata: object = {}): Instance {
  const stop = { signal: 'SIGTERM', gracePeriod: '10s' }
  const about = { service: 'web', ordinal: 0, node: 'n', templateHash: 'h3kq9x2mzc', attempt: 0 }
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Instance',
    metadata: { name: 'web-0-k2p9x', namespace: 'default', uid: 'u', ...metadata },
    spec: { ...about, revisionName: 'r7', template: { source: { command: ['web'] }, stop, ...template } },
    status: { ready: true, ...status },
  } as unknown as Instance
}
