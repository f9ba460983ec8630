/** What is to become of a Service: which template, of which instances, and what stands in the way. Writes nothing. */
import type { ResourceReader } from '../../api/api.ts'
import type { Clock } from '../../core/clock.ts'
import { parseDurationMs } from '../../core/quantity.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import type { Node, Secret, Service, ServiceRollout } from '../../resources/generated/types.ts'
import { missingText } from '../../resources/materials.ts'
import { rolloutOrders } from '../../resources/rollout-orders.ts'
import { unmetDependencies, waitCycle, waitingProgress } from './dependencies.ts'
import { stableTemplate, wantedTemplate } from './good-template.ts'
import type { ResolvedTemplate } from './instances.ts'
import type { AnalysisAt, Analyst } from './rollout/analyst.ts'
import { type Progress, UNBOUNDED } from './rollout/progress.ts'
import { knownRollout, rolloutProgress } from './rollout/rollout.ts'
import { nodeForSecrets } from './seating.ts'
import {
  commonMaterials,
  countTemplates,
  type Intent,
  isComplete,
  type Situation,
  stopsFirst,
} from './situation.ts'
import { type Failure, isAbandoned, judge, remember, type TemplateMemory } from './target.ts'
import type { Timekeeper } from './timekeeper.ts'
import { type Obstacle, undeliverable } from './undeliverable.ts'
import { type WantedTemplate, WantedTemplates } from './wanted.ts'

/** What a reconcile has decided. */
export interface Decision extends Intent {
  readonly memory: TemplateMemory
  readonly progress: Progress
  readonly failure: Failure | undefined
  /** What keeps the target from being started; whatever runs stays. */
  readonly obstacle: Obstacle | undefined
}

export interface DeciderOptions {
  readonly cache: ObjectCache
  readonly api: Pick<ResourceReader, 'history'>
  readonly times: Timekeeper
  readonly clock: Clock
  readonly analyst: Analyst
}

export class Decider {
  readonly #options: DeciderOptions
  readonly #wanted: WantedTemplates

  constructor(options: DeciderOptions) {
    this.#options = options
    this.#wanted = new WantedTemplates(options.cache)
  }

  async decide(situation: Situation): Promise<Decision> {
    const { service } = situation
    const wanted = this.#wanted.of(service)
    const currentHash = wanted.hash
    const failure = this.#judge(situation, currentHash)
    const progress = this.#progress(situation, currentHash)
    const memory = remember({
      before: service.status,
      currentHash,
      revision: service.metadata.revision ?? 0,
      materials: commonMaterials(situation),
      complete: progress.finished && isComplete(situation, currentHash),
      failure: progress.failure ?? failure,
      autoRollback: service.spec.update.autoRollback || progress.failure !== undefined,
    })
    const templates = await this.#templates(situation, memory, wanted, progress)
    const { target } = templates
    // begun now, so that it can be said how long it took
    if (service.spec.replicas > 0 && !isComplete(situation, target.hash))
      this.#options.times.rolloutMs(service, target.hash)
    // the last good template is not held up by what the wanted one lacks
    const obstacle = isAbandoned(memory) ? undefined : this.#obstacle(situation, wanted, target)
    const held = obstacle !== undefined || templates.progress.held
    return { memory, ...templates, split: templates.progress.split, held, failure, obstacle }
  }

  /** How far the change has come, with what was measured of it. */
  #progress(situation: Situation, hash: string): Progress {
    const { service } = situation
    const { metadata, spec, status } = service
    const { revision = 0 } = metadata
    const known = knownRollout({ before: status, hash, revision })
    const look = this.#options.analyst.look(
      `${metadata.namespace}/${metadata.name}`,
      analysisAt(service, known),
    )
    const progress = rolloutProgress({
      spec,
      before: status,
      hash,
      revision,
      counts: countTemplates(situation, hash),
      orders: rolloutOrders(metadata, known),
      elapsedMs: ({ stepSince = '' }) => this.#options.times.stepMs(service, stepSince),
      measured: look.measured,
      nowMs: this.#options.clock.now(),
    })
    return this.#waiting(situation, hash, {
      ...progress,
      waitMs: soonestOf(progress.waitMs, look.waitMs),
    })
  }

  /** Nothing of a template is started before what the Service depends on is ready; once something has been it goes on. */
  #waiting({ service, live, lost }: Situation, hash: string, progress: Progress): Progress {
    const { spec, status } = service
    const { dependsOn = [], replicas } = spec
    const hasBegun =
      status?.stableHash === hash || [...live, ...lost].some((one) => one.spec.templateHash === hash)
    const isHeld = spec.update.paused === true || status?.failedHash === hash
    if (dependsOn.length === 0 || hasBegun || isHeld) return progress
    const serviceOf = (name: string) => {
      const [namespace, short = ''] = name.split('/')
      return this.#options.cache.get<Service>({ kind: 'Service', namespace, name: short })
    }
    const message = unmetDependencies(service, serviceOf)
    if (message === undefined) return progress
    const cycle = waitCycle(service, serviceOf)
    return waitingProgress(progress, { stableHash: status?.stableHash, replicas }, { message, cycle })
  }

  /** The template that all are to have, and where only some are to have it yet the last good one. */
  async #templates(
    situation: Situation,
    memory: TemplateMemory,
    { hash, materials }: WantedTemplate,
    progress: Progress,
  ): Promise<Pick<Decision, 'target' | 'base' | 'progress'>> {
    const wanted = wantedTemplate(situation.service, hash, materials)
    const isGivenUp = isAbandoned(memory)
    if (!isGivenUp && progress.split === undefined) return { target: wanted, base: undefined, progress }
    const stable = await stableTemplate(this.#options.api, situation, memory)
    // the last good revision is never pruned; where it is gone all the same, the wanted template is all there is
    if (stable === undefined) return { target: wanted, base: undefined, progress: withoutBase(progress) }
    if (isGivenUp) return { target: stable, base: undefined, progress: UNBOUNDED }
    return { target: wanted, base: stable, progress }
  }

  #obstacle(
    situation: Situation,
    { hash, materials, missing }: WantedTemplate,
    target: ResolvedTemplate,
  ): Obstacle | undefined {
    if (missing.length > 0) return { message: missingText(missing) }
    if (materials.length === 0) return undefined
    const { service, live } = situation
    const { namespace } = service.metadata
    return undeliverable({
      materials,
      hash,
      live,
      stopsFirst: stopsFirst(situation, target),
      secretOf: (name) => this.#options.cache.get<Secret>({ kind: 'Secret', namespace, name }),
      node: nodeForSecrets(this.#options.cache.list<Node>('Node')),
    })
  }

  #judge({ service, live, standing, isAvailable }: Situation, hash: string): Failure | undefined {
    if (service.status?.stableHash === hash) return undefined
    return judge({
      // that a node is not heard of is no fault of the template's
      current: live.filter((one) => one.spec.templateHash === hash && !standing(one).silent),
      progressDeadlineMs: parseDurationMs(service.spec.update.progressDeadline),
      isAvailable,
      unavailableMs: (one) => this.#options.times.unavailableMs(service, one),
    })
  }
}

/** Two templates cannot run side by side where one of them is not known: what is paused starts nothing, all else goes through. */
function withoutBase(progress: Progress): Progress {
  const isPaused = progress.held || progress.split?.keepsOthers === true
  return isPaused ? { ...progress, split: undefined, held: true } : { ...UNBOUNDED, state: progress.state }
}

/** The analysis that a rollout is at, as far as it is known to be. */
function analysisAt({ metadata, spec }: Service, rollout: ServiceRollout): AnalysisAt | undefined {
  const { strategy, canary, paused } = spec.update
  const { hash, step, stepSince } = rollout
  if (strategy !== 'Canary' || paused === true || step === undefined) return undefined
  const analysis = canary?.steps[step]?.analysis
  if (analysis === undefined) return undefined
  const { namespace = '', name } = metadata
  return {
    analysis,
    owner: { namespace, name },
    step: `${hash} ${step} ${stepSince}`,
    lastAt: rollout.analysis?.lastAt,
  }
}

function soonestOf(...waits: readonly (number | undefined)[]): number | undefined {
  const known = waits.filter((one) => one !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}
