/** describe triggerauthentication: which parameters come from where, and who uses them. Names only; never a value, also where one stands in the spec. */
import type { AnyResource } from '../../resources/object.ts'
import { mapAt, mapsAt, textAt } from '../fields.ts'
import { qualifiedName } from '../names.ts'
import { compareText } from '../sort.ts'
import { renderRows } from '../table.ts'
import { padEnd, printable } from '../width.ts'
import type { Description } from './description.ts'
import { type Block, linesOf, renderBlocks } from './layout.ts'
import { conditionsBlock, eventsBlock, labelBlocks, lifeBlocks, originText } from './parts.ts'

/** KEDA's for other platforms. */
const FOREIGN = [
  'podIdentity',
  'azureKeyVault',
  'gcpSecretManager',
  'awsSecretManager',
  'filePath',
  'boundServiceAccountToken',
] as const

export function describeTriggerAuthentication(description: Description): string {
  const { object } = description
  const summary = textAt(object, 'status.summary')
  const foreign = FOREIGN.filter((field) => object.spec?.[field] !== undefined)
  return renderBlocks([
    [object.kind, [`${padEnd(qualifiedName(object), 28)}   ${originText(description)}`]],
    ...labelBlocks(object),
    ...lifeBlocks(description),
    parametersBlock(object),
    vaultBlock(object),
    [
      'Not acting',
      foreign.length === 0 ? [] : [`${foreign.join(', ')}: stored, and nothing is read from there`],
    ],
    ['Wrong', summary === undefined ? [] : [printable(summary)]],
    usedByBlock(description),
    conditionsBlock(description),
    eventsBlock(description),
  ])
}

/** `password   from   secret/orders key password` */
function parametersBlock(object: AnyResource): Block {
  const ofKeys = (member: string, type: string) =>
    mapsAt(object, `spec.${member}`).map((one) => [one.parameter, `${type}/${one.name} key ${one.key}`])
  const rows = [
    ...ofKeys('secretTargetRef', 'secret'),
    ...ofKeys('configMapTargetRef', 'config'),
    ...mapsAt(object, 'spec.env').map((one) => [
      one.parameter,
      `variable ${one.name}${one.containerName === undefined ? '' : ` of ${one.containerName}`}`,
    ]),
    ...mapsAt(object, 'spec.hashiCorpVault.secrets').map((one) => [
      one.parameter,
      `vault ${one.path} key ${one.key}`,
    ]),
  ].map(([parameter, origin]) => [printable(String(parameter)), `from ${printable(String(origin))}`])
  return ['Parameters', rows.length === 0 ? ['none'] : linesOf(renderRows(rows))]
}

/** Where Vault is and what it is logged in to with; a token in the spec is said to be there, and not shown. */
function vaultBlock(object: AnyResource): Block {
  const vault = mapAt(object, 'spec.hashiCorpVault')
  if (vault === undefined) return ['Vault', []]
  const from = mapAt(vault, 'credential.tokenFrom')
  const token =
    from !== undefined
      ? `token from secret/${from.name} key ${from.key}`
      : textAt(vault, 'credential.token') === undefined
        ? 'without a token'
        : 'a token in the clear: move it into a Secret, and name it in credential.tokenFrom'
  return [
    'Vault',
    [printable(`${textAt(vault, 'address') ?? '?'}, ${textAt(vault, 'authentication') ?? '?'}, ${token}`)],
  ]
}

function usedByBlock({ object, scalers = [] }: Description): Block {
  const { kind, metadata } = object
  const uses = (one: AnyResource) =>
    mapsAt(one, 'spec.triggers').filter(
      (trigger) =>
        textAt(trigger, 'authenticationRef.name') === metadata.name &&
        (textAt(trigger, 'authenticationRef.kind') ?? 'TriggerAuthentication') === kind,
    )
  const rows = scalers
    .filter((one) => metadata.namespace === undefined || one.metadata.namespace === metadata.namespace)
    .flatMap((one) => {
      const triggers = uses(one).map((trigger) => textAt(trigger, 'name') ?? textAt(trigger, 'type') ?? '?')
      const name = `${one.kind.toLowerCase()}/${one.metadata.name}`
      const where = metadata.namespace === undefined ? ` in ${one.metadata.namespace}` : ''
      return triggers.length === 0 ? [] : [[`${name}${where}`, printable(triggers.join(', '))]]
    })
    .sort(([a = ''], [b = '']) => compareText(a, b))
  return ['Used by', rows.length === 0 ? ['nothing'] : linesOf(renderRows(rows))]
}
