/** KEDA's common authentication of triggers over HTTP, made of a trigger's parameters. */
import { NsctlError } from '../../core/errors.ts'
import type { ReadParameters } from '../../resources/triggers/schema.ts'
import type { TlsSettings } from './agents.ts'
import type { Secrets } from './failures.ts'
import type { ClientCredentials } from './oauth.ts'

/** What goes with each request. */
export interface HttpAuthentication {
  readonly headers: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly tls: TlsSettings
  /** A token is fetched with these, and sent as bearer. */
  readonly oauth: ClientCredentials | undefined
  readonly secrets: Secrets
}

const SECRET = ['bearerToken', 'password', 'key', 'clientSecret', 'customAuthValue', 'apiKey']

/** Throws Invalid where a mode misses a parameter. Parameters of modes that are not named have no effect, as in KEDA; but `ca` has. */
export function readAuthentication(parameters: ReadParameters): HttpAuthentication {
  const modes = parameters.list('authModes')
  const headers: Record<string, string> = {}
  const query: Record<string, string> = {}
  const tls: Record<string, string | boolean> = {}
  let oauth: ClientCredentials | undefined
  const of = (mode: string, name: string) => required(parameters, mode, name)
  for (const mode of modes)
    switch (mode) {
      case 'bearer':
        headers.authorization = `Bearer ${of(mode, 'bearerToken')}`
        break
      case 'basic': {
        const plain = `${of(mode, 'username')}:${parameters.text('password') ?? ''}`
        headers.authorization = `Basic ${Buffer.from(plain).toString('base64')}`
        break
      }
      case 'apiKey': {
        const apiKey = of(mode, 'apiKey')
        const isQuery = parameters.text('method') === 'query'
        const name = parameters.text('keyParamName')
        if (isQuery) query[name ?? 'api_key'] = apiKey
        else headers[(name ?? 'X-API-KEY').toLowerCase()] = apiKey
        break
      }
      case 'custom':
        headers[of(mode, 'customAuthHeader').toLowerCase()] = of(mode, 'customAuthValue')
        break
      case 'tls':
        tls.cert = of(mode, 'cert')
        tls.key = of(mode, 'key')
        break
      case 'oauth':
        oauth = {
          tokenUri: of(mode, 'oauthTokenURI'),
          clientId: of(mode, 'clientID'),
          clientSecret: parameters.text('clientSecret') ?? '',
          scopes: parameters.list('scopes'),
          more: new URLSearchParams(parameters.text('endpointParams') ?? ''),
        }
        break
    }
  const ca = parameters.text('ca')
  if (ca !== undefined) tls.ca = ca
  const secrets = SECRET.map((name) => parameters.text(name) ?? '').filter((value) => value !== '')
  return { headers, query, tls, oauth, secrets }
}

function required(parameters: ReadParameters, mode: string, name: string): string {
  const value = parameters.text(name)
  if (value !== undefined && value !== '') return value
  throw new NsctlError('Invalid', `authModes has ${mode}, and there is no ${name}`, {
    value: name,
    next: `give ${name} in the TriggerAuthentication`,
  })
}
