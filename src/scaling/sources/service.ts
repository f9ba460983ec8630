/** How many instances of another Service are ready. */
import { NsctlError } from '../../core/errors.ts'
import type { Source, SourceType } from '../source.ts'

export const service: SourceType = {
  types: ['service'],
  open({ parameters, owner }, { workloads }): Source {
    const name = parameters.text('service')
    if (name === undefined) throw new NsctlError('Invalid', 'which Service?', { value: 'service' })
    const other = { namespace: parameters.text('namespace') ?? owner.namespace, name }
    const activation = parameters.number('activationValue') ?? 0
    return {
      async measure(signal) {
        signal.throwIfAborted()
        if (!workloads.exists(other))
          throw new NsctlError('Invalid', `there is no service ${other.namespace}/${name}`, {
            value: name,
            next: 'check its name and namespace',
          })
        const value = workloads.instances(other).filter(({ ready }) => ready).length
        return { kind: 'values', metrics: [{ name: '', value }], active: value > activation }
      },
      close: async () => {},
    }
  },
}
