/** Rules: a condition or a schedule, and what it does. */
import { isNsctlError, messageOf } from '../../core/errors.ts'
import type { Path } from '../../core/json.ts'
import { parseDurationMs } from '../../core/quantity.ts'
import type { FieldIssue } from '../kinds.ts'
import { parseSchedule } from '../schedule.ts'
import { expressionNames } from '../triggers/names.ts'
import { isTimezone } from '../triggers/values.ts'
import { quote } from '../validation/words.ts'
import { expressionIssue } from './expression-issue.ts'
import type { RuleText, ScaledObjectText } from './manifest-type.ts'
import { LONGEST_MS } from './protection-rules.ts'

const LARGEST_STEP = 100_000
/** A window that outlasts a year was never meant to end. */
const LONGEST_WINDOW_MS = 366 * 24 * 36e5

export function ruleIssues({ spec }: ScaledObjectText): readonly FieldIssue[] {
  const { timezone = 'UTC', rules = [], triggers } = spec
  const issues: FieldIssue[] = []
  const zoneIsRight = isTimezone(timezone)
  if (!zoneIsRight)
    issues.push({
      path: ['spec', 'timezone'],
      message: `must be a timezone such as Europe/Berlin, not ${quote(timezone)}`,
      value: timezone,
    })
  const names = expressionNames(triggers)
  const called = new Map<string, number>()
  for (const [index, rule] of rules.entries()) {
    const at = (...steps: Path): Path => ['spec', 'rules', index, ...steps]
    const earlier = called.get(ruleName(rule, index))
    if (earlier !== undefined)
      issues.push({
        path: at('name'),
        message: `must be unique: rules[${earlier}] is called ${quote(ruleName(rule, index))} too`,
        value: rule.name,
      })
    else called.set(ruleName(rule, index), index)
    issues.push(
      ...shapeIssues(rule, at),
      ...whenIssues(rule, at, names),
      ...scheduleIssues(rule, at, zoneIsRight ? timezone : 'UTC'),
      ...effectIssues(rule, at),
    )
  }
  return issues
}

/** Its name, or `rule 2`: what messages and the memory of decisions call it. */
export function ruleName({ name }: Pick<RuleText, 'name'>, index: number): string {
  return name === undefined || name === '' ? `rule ${index + 1}` : name
}

type At = (...steps: Path) => Path

function shapeIssues(rule: RuleText, at: At): readonly FieldIssue[] {
  const issues: FieldIssue[] = []
  const has = (member: keyof RuleText) => rule[member] !== undefined
  if (has('when') === has('schedule'))
    issues.push({
      path: has('when') ? at('schedule') : at(),
      message: has('when') ? 'must not stand beside when' : 'must have when or schedule',
    })
  if (has('heldFor') && !has('when')) issues.push({ path: at('heldFor'), message: 'goes with when' })
  if (has('lasts') && !has('schedule')) issues.push({ path: at('lasts'), message: 'goes with schedule' })
  // what is done once needs a moment only
  if (has('schedule') && !has('lasts') && (has('min') || has('max')))
    issues.push({ path: at('lasts'), message: 'is required: how long from each time of the schedule' })
  if (!has('scale') && !has('min') && !has('max'))
    issues.push({ path: at(), message: 'must have scale, min or max: it does nothing' })
  return issues
}

function whenIssues({ when, heldFor }: RuleText, at: At, names: readonly string[]): readonly FieldIssue[] {
  const issue =
    when === undefined ? undefined : expressionIssue(when, { path: at('when'), names, result: 'boolean' })
  return [...(issue === undefined ? [] : [issue]), ...spanIssues(heldFor, at('heldFor'), 0, LONGEST_MS)]
}

function scheduleIssues({ schedule, lasts }: RuleText, at: At, timezone: string): readonly FieldIssue[] {
  const issues = [...spanIssues(lasts, at('lasts'), 1, LONGEST_WINDOW_MS)]
  if (schedule === undefined) return issues
  try {
    parseSchedule(schedule, timezone)
  } catch (error) {
    if (!isNsctlError(error)) throw error
    issues.push({ path: at('schedule'), message: messageOf(error), value: schedule })
  }
  return issues
}

function spanIssues(
  text: string | undefined,
  path: Path,
  leastMs: number,
  mostMs: number,
): readonly FieldIssue[] {
  if (text === undefined) return []
  const spanMs = parseDurationMs(text)
  if (spanMs >= leastMs && spanMs <= mostMs) return []
  const limit = spanMs > mostMs ? `at most ${mostMs / 864e5}d` : 'more than 0'
  return [{ path, message: `must be ${limit}, not ${quote(text)}`, value: text }]
}

function effectIssues({ scale, min, max }: RuleText, at: At): readonly FieldIssue[] {
  const issues: FieldIssue[] = []
  if (scale !== undefined && Math.abs(Number.parseInt(scale, 10)) > LARGEST_STEP)
    issues.push({
      path: at('scale'),
      message: `must be at most ${LARGEST_STEP}, not ${quote(scale)}`,
      value: scale,
    })
  if (min !== undefined && max !== undefined && min > max)
    issues.push({ path: at('min'), message: `must not be above max, which is ${max}: ${min}`, value: min })
  return issues
}
