/** What the schema cannot say of a TriggerAuthentication, and what of it cannot act. */
import type { FieldIssue } from '../kinds.ts'
import type { AuthenticationSpec, AuthenticationText } from './manifest-type.ts'

const VAULT = ['spec', 'hashiCorpVault'] as const

/** KEDA's ways that are of other platforms. */
const FOREIGN_WAYS = [
  'azureKeyVault',
  'gcpSecretManager',
  'awsSecretManager',
  'filePath',
  'boundServiceAccountToken',
  'oauth2',
] as const

/** For objects that the schema has found sound. Pure. */
export function authenticationConstraints(object: unknown): readonly FieldIssue[] {
  const { hashiCorpVault: vault } = (object as AuthenticationText).spec
  if (vault === undefined || vault.authentication !== 'token') return []
  const { token, tokenFrom } = vault.credential ?? {}
  if (token && tokenFrom !== undefined)
    return [{ path: [...VAULT, 'credential', 'token'], message: 'must not stand beside tokenFrom' }]
  return []
}

/** For objects that the schema and the constraints have found right. Pure. */
export function authenticationWarnings(object: unknown): readonly string[] {
  const { spec } = object as AuthenticationText
  return [
    ...FOREIGN_WAYS.filter((way) => spec[way] !== undefined).map((way) => `spec.${way} ${NOT_ACTING}`),
    ...(isForeignIdentity(spec) ? [`spec.podIdentity ${NOT_ACTING}`] : []),
    ...vaultWarnings(spec),
  ]
}

const NOT_ACTING = 'cannot act here: scalers that use it say so'

/** Why a way of a TriggerAuthentication gives nothing here; undefined where all of them do. */
export function unsupportedWay(spec: AuthenticationSpec): string | undefined {
  const way = FOREIGN_WAYS.find((one) => spec[one] !== undefined)
  if (way !== undefined) return way
  if (isForeignIdentity(spec)) return 'podIdentity'
  const { hashiCorpVault: vault } = spec
  if (vault === undefined) return undefined
  if (vault.authentication !== 'token') return 'hashiCorpVault with authentication: kubernetes'
  return vault.secrets.some(({ type }) => type === 'pki') ? 'hashiCorpVault with type: pki' : undefined
}

/** `none` says that there is none. */
function isForeignIdentity({ podIdentity }: AuthenticationSpec): boolean {
  return podIdentity !== undefined && podIdentity.provider !== 'none'
}

function vaultWarnings({ hashiCorpVault: vault }: AuthenticationSpec): readonly string[] {
  if (vault === undefined) return []
  const warnings: string[] = []
  const { authentication, credential, secrets } = vault
  if (authentication === 'kubernetes')
    warnings.push(`spec.hashiCorpVault.authentication: kubernetes ${NOT_ACTING}`)
  else if (!credential?.token && credential?.tokenFrom === undefined)
    warnings.push('spec.hashiCorpVault.credential: there is no token: give tokenFrom')
  if (!/^https:|^http:\/\/(127\.|localhost[:/]|localhost$|\[::1\])/.test(vault.address))
    warnings.push(
      'spec.hashiCorpVault.address is http: whoever listens on the way reads the token and the values',
    )
  if (credential?.token)
    warnings.push('spec.hashiCorpVault.credential.token is a secret in the clear: use tokenFrom')
  for (const [index, { type }] of secrets.entries())
    if (type === 'pki') warnings.push(`spec.hashiCorpVault.secrets[${index}].type: pki ${NOT_ACTING}`)
  return warnings
}
