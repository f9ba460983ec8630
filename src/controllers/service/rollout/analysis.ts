/** What measurements say of a change. Pure. */
import { isNsctlError } from '../../../core/errors.ts'
import { formatCount } from '../../../core/words.ts'
import { parseExpression } from '../../../resources/expression/parse.ts'
import type { ServiceAnalysis, ServiceAnalysisStatus } from '../../../resources/generated/types.ts'
import type { Failure } from '../target.ts'

/** One look at a number. */
export type Measurement =
  | { readonly kind: 'value'; readonly value: number }
  /** It could not be had. */
  | { readonly kind: 'none'; readonly message: string }

const NOTHING: ServiceAnalysisStatus = { successful: 0, failed: 0, inconclusive: 0 }

/** The counts with one more measurement. What is neither good nor bad counts until one is either. */
export function countMeasurement(
  analysis: ServiceAnalysis,
  before: ServiceAnalysisStatus = NOTHING,
  measured: Measurement | undefined,
  nowMs: number,
): ServiceAnalysisStatus {
  if (measured === undefined) return before
  const verdict = judge(analysis, measured)
  return {
    successful: before.successful + (verdict.kind === 'good' ? 1 : 0),
    failed: before.failed + (verdict.kind === 'bad' ? 1 : 0),
    inconclusive: verdict.kind === 'neither' ? before.inconclusive + 1 : 0,
    lastAt: new Date(nowMs).toISOString(),
    lastResult: verdict.text,
  }
}

interface Verdict {
  readonly kind: 'good' | 'bad' | 'neither'
  readonly text: string
}

function judge({ successCondition }: ServiceAnalysis, measured: Measurement): Verdict {
  if (measured.kind === 'none') return { kind: 'neither', text: measured.message }
  const text = String(measured.value)
  const scope = {
    value: (name: string) => (name === 'result' ? measured.value : undefined),
    wallMs: 0,
    timezone: 'UTC',
  }
  try {
    const isGood = parseExpression(successCondition, { names: ['result'] }).evaluate(scope)
    if (typeof isGood === 'boolean') return { kind: isGood ? 'good' : 'bad', text }
    return { kind: 'neither', text: `${successCondition} comes to ${String(isGood)} with ${text}` }
  } catch (error) {
    if (!isNsctlError(error)) throw error
    return { kind: 'neither', text: `${successCondition} with ${text}: ${error.message}` }
  }
}

export function isSuccessful({ count }: ServiceAnalysis, { successful }: ServiceAnalysisStatus): boolean {
  return successful >= count
}

export function analysisFailure(
  { failureLimit, successCondition, prometheus }: ServiceAnalysis,
  { failed, successful, lastResult }: ServiceAnalysisStatus,
): Failure | undefined {
  if (failed <= failureLimit) return undefined
  const message = `${failed} of ${formatCount(failed + successful, 'measurement')} failed: ${prometheus.query} was ${lastResult}, not ${successCondition}`
  return { reason: 'AnalysisFailed', message }
}

/** `1 of 3 measurements good, result < 0.05 (last 0.01)` */
export function analysisText(
  { count, successCondition }: ServiceAnalysis,
  { successful, failed, inconclusive, lastResult }: ServiceAnalysisStatus,
): string {
  const bad = failed > 0 ? `, ${failed} bad` : ''
  const last = lastResult === undefined ? '' : inconclusive > 0 ? `: ${lastResult}` : ` (last ${lastResult})`
  return `${successful} of ${formatCount(count, 'measurement')} good${bad}, ${successCondition}${last}`
}

/** Where it could not be measured more often in a row than is to be put up with. */
export function analysisTrouble(
  { inconclusiveLimit }: ServiceAnalysis,
  { inconclusive, lastResult = '' }: ServiceAnalysisStatus,
): string | undefined {
  if (inconclusive <= inconclusiveLimit) return undefined
  return `${formatCount(inconclusive, 'measurement')} in a row came to nothing: ${lastResult}`
}
