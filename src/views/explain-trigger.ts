/** The pages of `nsctl explain trigger`: which triggers there are, and the parameters of one. Pure. */
import { readFrom, typeText } from '../resources/triggers/describe.ts'
import { FOREIGN_TRIGGERS, TRIGGERS } from '../resources/triggers/index.ts'
import type { TriggerParameter, TriggerSchema } from '../resources/triggers/schema.ts'
import { wrapText } from './wrap.ts'

const WIDTH = 80

/** All of them, a line each. */
export function renderTriggers(): string {
  const rows = TRIGGERS.flatMap(({ types, description }) =>
    types.map((type) => [type, description] as const),
  ).sort(([a], [b]) => (a < b ? -1 : 1))
  const width = Math.max(...rows.map(([type]) => type.length)) + 3
  const lines = rows.flatMap(([type, description]) =>
    wrapText(description, WIDTH - width - 2).map((line, at) =>
      `  ${(at === 0 ? type : '').padEnd(width)}${line}`.trimEnd(),
    ),
  )
  return `TRIGGERS:
${lines.join('\n')}

OF KEDA, STORED AND NOT ACTING:
${wrapText(FOREIGN_TRIGGERS.join(', '), WIDTH - 2)
  .map((line) => `  ${line}`)
  .join('\n')}

See: nsctl explain trigger.redis
`
}

export function renderTrigger(type: string, { description, parameters, metricTypes }: TriggerSchema): string {
  const lines = [
    `TRIGGER:  ${type}`,
    `METRICS:  ${metricTypes.join(', ')}`,
    '',
    'DESCRIPTION:',
    ...indented(description, 4),
    '',
    'PARAMETERS:',
    ...parameters.flatMap(parameterLines),
  ]
  return `${lines.join('\n')}\n`
}

function parameterLines(parameter: TriggerParameter): readonly string[] {
  const { name, aliases = [], required, default: byDefault, deprecated } = parameter
  const remarks = [
    ...(required ? ['-required-'] : []),
    ...(byDefault === undefined ? [] : [`default ${byDefault}`]),
    ...(parameter.enum === undefined ? [] : [`one of ${parameter.enum.join(', ')}`]),
    ...(aliases.length === 0 ? [] : [`also ${aliases.join(', ')}`]),
    ...(deprecated === undefined ? [] : [`deprecated: use ${deprecated}`]),
  ]
  const head = `  ${name}  <${typeText(parameter)}>`
  return [
    remarks.length === 0 ? head : `${head}  ${remarks.join(', ')}`,
    ...indented(`${parameter.description} ${readFrom(parameter)}`, 6),
  ]
}

function indented(text: string, by: number): readonly string[] {
  return wrapText(text, WIDTH - by).map((line) => `${' '.repeat(by)}${line}`)
}
