/**
 * Every verb, in the groups in which help shows them. One line here is all that makes a verb known: its class is loaded
 * when it is used and not before.
 */
import type { CommandClass } from './base.ts'

export type VerbGroup = 'Start' | 'Change' | 'Look' | 'Roll out' | 'Work' | 'About'

export interface Verb {
  /** One word or two: `get`, `rollout status`. */
  readonly name: string
  readonly group: VerbGroup
  readonly summary: string
  readonly load: () => Promise<CommandClass>
}

export const VERBS: readonly Verb[] = [
  {
    name: 'apply',
    group: 'Change',
    summary: 'Make what manifests say true',
    load: async () => (await import('./apply.ts')).Apply,
  },
  {
    name: 'version',
    group: 'About',
    summary: 'Versions of nsctl and of the daemon',
    load: async () => (await import('./version.ts')).Version,
  },
]

export const VERB_NAMES: ReadonlySet<string> = new Set(VERBS.map((verb) => verb.name))
