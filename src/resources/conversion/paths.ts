/** Places in objects as conversion rules name them: `.spec.replicas`, `.spec.ports[*].name`. */
import type { JsonSchema } from '../schema.ts'

/** `['spec', 'ports', '*', 'name']`; `*` stands for each item of a list. */
export type Steps = readonly string[]

export const EACH = '*'

const SHAPE = /^(\.[A-Za-z_][\w-]*(\[\*\])?)+$/

/** Undefined for a text that is no path. */
export function parseSteps(text: string): Steps | undefined {
  if (!SHAPE.test(text)) return undefined
  return text
    .slice(1)
    .split('.')
    .flatMap((step) => (step.endsWith('[*]') ? [step.slice(0, -3), EACH] : [step]))
}

export function stepsText(steps: Steps): string {
  return steps.map((step) => (step === EACH ? '[*]' : `.${step}`)).join('')
}

/** True where one of both is the other or leads to it. */
export function overlap(a: Steps, b: Steps): boolean {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return false
  return true
}

/** Up to the last list on the way, that one's `[*]` included; empty where there is none. */
export function listPart(steps: Steps): Steps {
  return steps.slice(0, steps.lastIndexOf(EACH) + 1)
}

/** What `schema` says of the value at `steps`; undefined where it knows no such field. */
export function schemaAt(schema: JsonSchema, steps: Steps): JsonSchema | undefined {
  let current: JsonSchema | undefined = schema
  for (const step of steps) {
    if (current === undefined) return undefined
    current =
      step === EACH
        ? current.items
        : current.properties !== undefined && Object.hasOwn(current.properties, step)
          ? current.properties[step]
          : undefined
  }
  return current
}
