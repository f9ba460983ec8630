/** How many instances with certain labels there are, whatever Services they are of; KEDA counts pods so. */
import { messageOf, NsctlError } from '../../core/errors.ts'
import { parseSelector, type Selector } from '../../resources/selector.ts'
import type { Source, SourceType, WorkloadInstance } from '../source.ts'

export const kubernetesWorkload: SourceType = {
  types: ['kubernetes-workload'],
  open({ parameters, owner }, { workloads }): Source {
    const matches = selectorOf(parameters.text('podSelector') ?? '')
    const activation = parameters.number('activationValue') ?? 0
    const byNode = parameters.flag('groupByNode')
    return {
      async measure(signal) {
        signal.throwIfAborted()
        const counted = workloads.inNamespace(owner.namespace).filter((one) => isCounted(one, matches))
        const value = byNode ? new Set(counted.map(({ node }) => node)).size : counted.length
        return { kind: 'values', metrics: [{ name: '', value }], active: value > activation }
      },
      close: async () => {},
    }
  },
}

/** As in KEDA: those that have ended, for good or for bad, are no work. */
function isCounted({ phase, labels }: WorkloadInstance, matches: Selector): boolean {
  if (phase === 'failed') return false
  return matches({ apiVersion: '', kind: 'Instance', metadata: { name: '', labels } })
}

function selectorOf(text: string): Selector {
  if (text.trim() === '')
    throw new NsctlError('Invalid', 'podSelector is empty, and would count everything', {
      value: 'podSelector',
      next: 'name labels: app=queue',
    })
  try {
    return parseSelector(text)
  } catch (cause) {
    throw new NsctlError('Invalid', `podSelector: ${messageOf(cause)}`, { value: 'podSelector', cause })
  }
}
