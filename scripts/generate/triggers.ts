/** docs/reference/triggers.md: every trigger and every parameter, from the schemas that admission and sources go by. */
import { readFrom, typeText } from '../../src/resources/triggers/describe.ts'
import { FOREIGN_TRIGGERS, TRIGGERS } from '../../src/resources/triggers/index.ts'
import type { TriggerParameter, TriggerSchema } from '../../src/resources/triggers/schema.ts'

export function generateTriggers(): string {
  const order = [...TRIGGERS].sort((a, b) => (titleOf(a) < titleOf(b) ? -1 : 1))
  const overview = order.map(
    (schema) =>
      `| [${titleOf(schema)}](#${titleOf(schema).replaceAll(', ', '-')}) | ${schema.metricTypes.join(', ')} | ${cell(schema.description)} |`,
  )
  return `<!-- Generated from src/resources/triggers/ by \`npm run generate\`. Do not edit. -->

# Triggers

What the triggers of a ScaledObject or a ScaledJob take in \`metadata\`. Names, places and defaults are KEDA's where KEDA has the trigger; \`io\`, \`latency\`,
\`service\` and \`webhook\` are nsctl's own. All values are text; what is not is read as text, and \`nsctl apply\` says so. A parameter that a TriggerAuthentication
gives counts before metadata, and metadata before a variable of the target (\`…FromEnv\`). \`nsctl explain trigger.redis\` shows the same.

When a manifest is applied, a number or a time that is none and a parameter that is missing are refused. An unknown parameter, with the nearest known name, and
whatever else keeps a trigger from acting (a placeholder for a URL, say) are a warning and, once stored, the condition Ready=False.

| trigger | metric types | what it looks at |
| --- | --- | --- |
${overview.join('\n')}

${order.map(describe).join('\n')}
## Of KEDA, without a source here

These are accepted and stored, and say that they do not act: ${FOREIGN_TRIGGERS.map((type) => `\`${type}\``).join(', ')}.
`
}

function titleOf({ types }: TriggerSchema): string {
  return types.join(', ')
}

function describe(schema: TriggerSchema): string {
  const rows = schema.parameters.map(row)
  return `## ${titleOf(schema)}

${schema.description}${schema.anyMetadata ? ' Takes any other metadata, which it hands on.' : ''}${schema.push ? ' Events come by themselves.' : ''}

| parameter | type | default | meaning |
| --- | --- | --- | --- |
${rows.join('\n')}
`
}

function row(parameter: TriggerParameter): string {
  const { name, aliases = [], required, default: byDefault, description, deprecated } = parameter
  const said = [
    ...(required ? ['**required**'] : []),
    description,
    readFrom(parameter),
    ...(parameter.enum === undefined
      ? []
      : [`One of ${parameter.enum.map((one) => `\`${one}\``).join(', ')}.`]),
    ...(aliases.length === 0 ? [] : [`Also \`${aliases.join('`, `')}\`.`]),
    ...(deprecated === undefined ? [] : [`Deprecated: use ${deprecated}.`]),
  ].filter((part) => part !== '')
  const fallback = byDefault === undefined ? '' : `\`${byDefault}\``
  return `| \`${name}\` | ${typeText(parameter)} | ${fallback} | ${cell(said.join(' '))} |`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
