/** scalingModifiers and fallback. */
import type { FieldIssue } from '../kinds.ts'
import { triggerSchema } from '../triggers/index.ts'
import { expressionNames } from '../triggers/names.ts'
import { numberOf } from '../triggers/values.ts'
import { quote } from '../validation/words.ts'
import { expressionIssue } from './expression-issue.ts'
import { isScalar, type ScaledObjectText, usesModifiers } from './manifest-type.ts'

const MODIFIERS = ['spec', 'advanced', 'scalingModifiers'] as const

export function modifierIssues(object: ScaledObjectText): readonly FieldIssue[] {
  const { spec } = object
  const modifiers = spec.advanced?.scalingModifiers
  if (modifiers === undefined || !usesModifiers(object)) return []
  const { formula, target, activationTarget } = modifiers
  const issues: FieldIssue[] = []
  const numberIssue = (
    name: 'target' | 'activationTarget',
    text: unknown,
    isRight: boolean,
    wanted: string,
  ) => {
    if (!isRight)
      issues.push({
        path: [...MODIFIERS, name],
        message: `must be ${wanted}, not ${quote(text)}`,
        value: modifiers[name],
      })
  }
  if (formula === undefined || formula.trim() === '')
    issues.push({ path: [...MODIFIERS, 'formula'], message: 'is required with scalingModifiers' })
  else {
    const issue = expressionIssue(formula, {
      path: [...MODIFIERS, 'formula'],
      names: expressionNames(spec.triggers),
      result: 'number',
    })
    if (issue !== undefined) issues.push(issue)
  }
  if (target === undefined || target === '')
    issues.push({ path: [...MODIFIERS, 'target'], message: 'is required with a formula' })
  else {
    const value = isScalar(target) ? numberOf('number', String(target).trim()) : undefined
    numberIssue('target', target, value !== undefined && value > 0, 'a number above 0')
  }
  if (activationTarget !== undefined && activationTarget !== '') {
    const value = isScalar(activationTarget) ? numberOf('number', String(activationTarget).trim()) : undefined
    numberIssue('activationTarget', activationTarget, value !== undefined, 'a number')
  }
  return issues
}

export function fallbackIssues(object: ScaledObjectText): readonly FieldIssue[] {
  const { fallback, triggers, advanced } = object.spec
  if (fallback === undefined) return []
  if (fallback.behavior === 'scalingModifiers' && !advanced?.scalingModifiers?.formula)
    return [
      {
        path: ['spec', 'fallback', 'behavior'],
        message: 'must not be scalingModifiers without a formula in spec.advanced.scalingModifiers',
        value: fallback.behavior,
      },
    ]
  const helps = triggers.some(({ type }) => triggerSchema(type)?.perInstance !== true)
  if (usesModifiers(object) || helps) return []
  return [
    {
      path: ['spec', 'fallback'],
      message: `needs a trigger that is not by instance: ${triggers.map(({ type }) => type).join(', ')} cannot fail over`,
    },
  ]
}
