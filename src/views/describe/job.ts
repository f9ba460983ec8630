/** describe job: how far it is, and how its runs ended. */
import { formatAge } from '../../core/quantity.ts'
import type { AnyResource } from '../../resources/object.ts'
import { mapAt, numberAt, textAt } from '../fields.ts'
import { qualifiedName } from '../names.ts'
import { ageText } from '../table.ts'
import { padEnd, printable } from '../width.ts'
import type { Description } from './description.ts'
import { renderBlocks } from './layout.ts'
import { conditionsBlock, eventsBlock, instancesBlock, labelBlocks, lifeBlocks, originText } from './parts.ts'
import { placementBlock, refusedBlock } from './placement.ts'
import { programLine } from './program.ts'

export function describeJob(description: Description): string {
  const { object, instances, nowMs } = description
  const summary = textAt(object, 'status.summary')
  return renderBlocks([
    ['Job', [`${padEnd(qualifiedName(object), 28)}   ${originText(description)}`]],
    ...labelBlocks(object),
    ...lifeBlocks(description),
    ['Completions', [countText(object)]],
    ['Runs', [programLine(mapAt(object, 'spec.template') ?? {})]],
    placementBlock(object),
    ['Limits', limitLines(object)],
    ['Time', timeLines(object, nowMs)],
    ['Wrong', summary === undefined ? [] : [printable(summary)]],
    conditionsBlock(description),
    refusedBlock(description.refused),
    instancesBlock(instances, nowMs),
    eventsBlock(description),
  ])
}

/** `1 of 3, 2 running at once at most, 1 running, 1 failed` */
function countText(object: AnyResource): string {
  const count = (path: string, missing: number) => numberAt(object, path) ?? missing
  const failed = count('status.failed', 0)
  return [
    `${count('status.succeeded', 0)} of ${count('spec.completions', 1)}`,
    `${count('spec.parallelism', 1)} at once at most`,
    `${count('status.active', 0)} running or about to`,
    ...(failed > 0 ? [`${failed} failed`] : []),
  ].join(', ')
}

function limitLines(object: AnyResource): readonly string[] {
  const deadline = numberAt(object, 'spec.activeDeadlineSeconds')
  const ttl = numberAt(object, 'spec.ttlSecondsAfterFinished')
  return [
    [
      `fails after ${numberAt(object, 'spec.backoffLimit') ?? 6} retries`,
      ...(deadline === undefined ? [] : [`ended after ${formatAge(deadline * 1000)}`]),
      ...(ttl === undefined ? [] : [`removed ${formatAge(ttl * 1000)} after its end`]),
    ].join(', '),
  ]
}

function timeLines(object: AnyResource, nowMs: number): readonly string[] {
  const started = textAt(object, 'status.startTime')
  const ended = textAt(object, 'status.completionTime')
  if (started === undefined) return ['not taken up yet']
  if (ended === undefined) return [`started ${ageText(started, nowMs)} ago`]
  const took = formatAge(Math.max(0, Date.parse(ended) - Date.parse(started)))
  return [`took ${took}, ended ${ageText(ended, nowMs)} ago`]
}
