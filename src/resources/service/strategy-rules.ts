/** Rules of the strategies that go step by step. */
import type { Path } from '../../core/json.ts'
import type { ServiceAnalysis, ServiceStep } from '../generated/types.ts'
import { expressionIssue } from '../scaledobject/expression-issue.ts'
import { quote } from '../validation/words.ts'
import { checkDuration, type DurationRule, type Issues } from './field-rules.ts'
import type { ManifestSpec, ManifestUpdate } from './manifest-types.ts'
import { shareFault } from './share.ts'

const UPDATE: Path = ['spec', 'update']
const KINDS = ['setWeight', 'setCanaryScale', 'pause', 'analysis'] as const
const PAUSE: DurationRule = { member: 'duration', leastMs: 1 }
const INTERVAL: DurationRule = { member: 'interval', leastMs: 1 }

export function checkStrategy(issues: Issues, spec: ManifestSpec): void {
  const { update } = spec
  if (update === undefined) return
  checkOwn(issues, update)
  if (update.strategy === 'Canary' && update.canary === undefined)
    issues.push({ path: UPDATE, message: 'needs canary.steps where strategy is Canary' })
  for (const [index, step] of (update.canary?.steps ?? []).entries())
    checkStep(issues, step, [...UPDATE, 'canary', 'steps', index])
  if (update.strategy === 'BlueGreen') checkSideBySide(issues, spec)
}

/** What only one strategy reads is refused with another: it would say something that does not hold. */
function checkOwn(issues: Issues, { strategy = 'Rolling', canary, blueGreen }: ManifestUpdate): void {
  if (canary !== undefined && strategy !== 'Canary')
    issues.push({ path: [...UPDATE, 'canary'], message: `acts with strategy: Canary only, not ${strategy}` })
  if (blueGreen !== undefined && strategy !== 'BlueGreen')
    issues.push({
      path: [...UPDATE, 'blueGreen'],
      message: `acts with strategy: BlueGreen only, not ${strategy}`,
    })
}

function checkSideBySide(issues: Issues, { storage = [], template, unique }: ManifestSpec): void {
  const fixed = (template.ports ?? []).find(({ port }) => port !== undefined)
  if (storage.length === 0 && fixed === undefined && unique !== true) return
  const what =
    unique === true ? 'unique: true' : storage.length > 0 ? 'storage' : `the fixed port ${fixed?.port}`
  issues.push({
    path: [...UPDATE, 'strategy'],
    message: `cannot be BlueGreen with ${what}: two instances of one ordinal cannot run side by side. Use Rolling, or Canary, which then goes by ordinals`,
    value: 'BlueGreen',
  })
}

type ManifestStep = NonNullable<ManifestUpdate['canary']>['steps'][number]

function checkStep(issues: Issues, step: ManifestStep, path: Path): void {
  const given = KINDS.filter((kind) => step[kind as keyof ServiceStep] !== undefined)
  const [first, second] = given
  if (first === undefined) issues.push({ path, message: `needs one of ${KINDS.join(', ')}` })
  if (second !== undefined)
    issues.push({
      path: [...path, second],
      message: `cannot stand beside ${first}: make it a step of its own`,
    })
  const replicas = step.setCanaryScale?.replicas
  const message = replicas === undefined ? undefined : shareFault(replicas)
  if (message !== undefined)
    issues.push({ path: [...path, 'setCanaryScale', 'replicas'], message, value: replicas })
  checkDuration(issues, step.pause?.duration, PAUSE, (member) => [...path, 'pause', member])
  if (step.analysis !== undefined) checkAnalysis(issues, step.analysis, [...path, 'analysis'])
}

function checkAnalysis(issues: Issues, analysis: Partial<ServiceAnalysis>, path: Path): void {
  const { prometheus, successCondition } = analysis
  checkDuration(issues, analysis.interval, INTERVAL, (member) => [...path, member])
  if (prometheus !== undefined && !/^https?:$/.test(protocolOf(prometheus.address)))
    issues.push({
      path: [...path, 'prometheus', 'address'],
      message: `must be an address such as http://prometheus:9090, not ${quote(prometheus.address)}`,
      value: prometheus.address,
    })
  if (successCondition === undefined) return
  const place = { path: [...path, 'successCondition'], names: ['result'], result: 'boolean' } as const
  const issue = expressionIssue(successCondition, place)
  if (issue !== undefined) issues.push(issue)
}

function protocolOf(address: string): string {
  return URL.canParse(address) ? new URL(address).protocol : ''
}
