/** How triggers over HTTP prove who they are: KEDA's common authentication. */
import type { FieldIssue } from '../kinds.ts'
import { parameter, TLS_PARAMETERS } from './parameter.ts'
import type { ReadParameters, TriggerParameter } from './schema.ts'

export const AUTH_MODES = ['apiKey', 'basic', 'tls', 'bearer', 'custom', 'oauth'] as const

/** Parameters of every trigger over HTTP; `checkHttpAuth` judges them together. */
export const HTTP_AUTH_PARAMETERS: readonly TriggerParameter[] = [
  parameter(
    'authModes',
    'MA',
    'How to log in, separated by commas; one of bearer, basic and oauth at most.',
    {
      aliases: ['authMode'],
      type: 'list',
      enum: AUTH_MODES,
    },
  ),
  parameter('bearerToken', 'A', 'bearer: the token.', { aliases: ['token'], secret: true }),
  parameter('username', 'A', 'basic: the user.'),
  parameter('password', 'A', 'basic: the password.', { secret: true }),
  ...TLS_PARAMETERS,
  parameter('oauthTokenURI', 'A', 'oauth: where tokens are given out.', { type: 'url' }),
  parameter('scopes', 'A', 'oauth: what is asked for.', { aliases: ['scope'], type: 'list' }),
  parameter('clientID', 'A', 'oauth: the client.'),
  parameter('clientSecret', 'A', "oauth: the client's secret.", { secret: true }),
  parameter('endpointParams', 'A', 'oauth: further parameters, as in a URL: `audience=a&b=c`.', {
    secret: true,
  }),
  parameter('customAuthHeader', 'A', 'custom: the name of a header.'),
  parameter('customAuthValue', 'A', 'custom: its value.', { secret: true }),
  parameter('apiKey', 'MA', 'apiKey: the key.', { secret: true }),
  parameter('method', 'MA', 'apiKey: where the key goes.', { default: 'header', enum: ['header', 'query'] }),
  parameter(
    'keyParamName',
    'MA',
    'apiKey: the name of the header (X-API-KEY) or of the query parameter (api_key).',
  ),
]

const NEEDS: Readonly<Record<(typeof AUTH_MODES)[number], readonly string[]>> = {
  apiKey: ['apiKey'],
  basic: ['username'],
  tls: ['cert', 'key'],
  bearer: ['bearerToken'],
  custom: ['customAuthHeader', 'customAuthValue'],
  oauth: ['oauthTokenURI', 'clientID'],
}

const EXCLUSIVE: readonly string[] = ['bearer', 'basic', 'oauth']

export function checkHttpAuth(parameters: ReadParameters): readonly FieldIssue[] {
  const modes = parameters.list('authModes')
  const path = ['metadata', parameters.has('authMode') ? 'authMode' : 'authModes']
  const issues: FieldIssue[] = []
  const rivals = modes.filter((mode) => EXCLUSIVE.includes(mode))
  if (rivals.length > 1)
    issues.push({ path, message: `must have one of ${EXCLUSIVE.join(', ')}, not ${rivals.join(' and ')}` })
  for (const mode of AUTH_MODES) {
    if (!modes.includes(mode)) continue
    const missing = NEEDS[mode].filter((name) => !parameters.has(name) && !parameters.pending(name))
    if (missing.length > 0)
      issues.push({ path, message: `names ${mode}, which needs ${missing.join(' and ')}` })
  }
  return issues
}
