/** What Vault's answers mean (https://developer.hashicorp.com/vault/api-docs, as of KV version 2 and AppRole). Pure. */
import { isObject } from '../../core/json.ts'
import { ExternalError, type ExternalValues } from '../external.ts'
import type { VaultAnswer } from './http.ts'

/** What is read of one Vault. */
export interface VaultSecret {
  /** `Vault at vault.example.org:8200` */
  readonly vault: string
  readonly mount: string
  readonly path: string
  /** The newest where left out. */
  readonly version: number | undefined
}

/** A token, and how long it is good for. */
export interface Grant {
  readonly token: string
  /** Seconds; 0 for one that does not end. */
  readonly leaseSeconds: number
  readonly renewable: boolean
}

/** Where a secret of a key-value engine is read, beneath `/v1`. */
export function readPath({ mount, path, version }: VaultSecret): string {
  const query = version === undefined ? '' : `?version=${version}`
  return `/${encoded(mount)}/data/${encoded(path)}${query}`
}

/** Each part by itself: a part may hold what means something in an address. */
export function encoded(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

/** The values of one version. Throws an ExternalError for every other answer. */
export function valuesOf(answer: VaultAnswer, secret: VaultSecret): ExternalValues {
  const { vault, mount } = secret
  const data = isObject(answer.body) && isObject(answer.body.data) ? answer.body.data : undefined
  if (answer.status === 404) throw missing(answer, secret, data?.metadata)
  if (answer.status === 403) throw notPermitted(answer, secret)
  if (answer.status !== 200) throw refusal(answer, vault)
  if (!isObject(data?.metadata) || !('data' in data)) {
    throw new ExternalError('Refused', `${vault} has no key-value engine of version 2 at ${mount}`, {
      next: `check spec.external.vault.mount, or give it versions: vault kv enable-versioning ${mount}`,
    })
  }
  // a version that is gone is 404; whatever answers otherwise has no values either
  if (!isObject(data.data)) throw missing(answer, secret, data.metadata)
  const values = Object.entries(data.data).map(([key, value]) => [key, bytesOf(value)] as const)
  return {
    version: `version ${String(data.metadata.version)} of ${mount}/${secret.path}`,
    values: new Map(values),
  }
}

/** Text as it is; anything else as JSON, as `vault kv get -field` prints it. */
function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
}

function missing(answer: VaultAnswer, secret: VaultSecret, metadata: unknown): ExternalError {
  const { vault, mount, path, version } = secret
  const where = `${mount}/${path}`
  const gone = isObject(metadata) ? metadata : {}
  const named = `version ${String(gone.version ?? version)} of ${where}`
  if (gone.destroyed === true) {
    return new ExternalError('Missing', `${vault} has destroyed ${named}`, {
      next:
        version === undefined
          ? `write a new version: vault kv put -mount=${mount} ${path} …`
          : 'name another version',
    })
  }
  if (typeof gone.deletion_time === 'string' && gone.deletion_time !== '') {
    return new ExternalError(
      'Missing',
      `${vault} has deleted ${named} (${gone.deletion_time.slice(0, 40)})`,
      {
        next: `bring it back: vault kv undelete -mount=${mount} -versions=${String(gone.version)} ${path}`,
      },
    )
  }
  if (/no handler for route|namespace not found/i.test(answer.said)) {
    return new ExternalError('Missing', `${vault} has nothing at ${mount}: ${answer.said}`, {
      next: 'check spec.external.vault.mount and namespace: vault secrets list',
    })
  }
  const what = version === undefined ? where : `version ${version} of ${where}`
  return new ExternalError('Missing', `${vault} has no ${what}`, {
    next: path.startsWith('data/')
      ? `leave data/ out of spec.external.vault.path: ${path.slice('data/'.length)}`
      : `look what is there: vault kv metadata get -mount=${mount} ${path}`,
  })
}

function notPermitted({ said }: VaultAnswer, { vault, mount, path }: VaultSecret): ExternalError {
  if (/invalid token|bad token|token not found/i.test(said)) {
    return new ExternalError(
      'NotPermitted',
      `${vault} does not know the token: it was revoked, or has run out`,
      {
        next: 'put a new one into the Secret that spec.external.vault.auth names',
      },
    )
  }
  return new ExternalError('NotPermitted', `${vault} does not let the token read ${mount}/${path}`, {
    next: `give it a policy with: path "${mount}/data/${path}" { capabilities = ["read"] }; or a new token, where it was revoked or has run out`,
  })
}

/** What a login, a look at a token or its renewal grants; undefined where the answer is a refusal. */
export function grantOf({ status, body }: VaultAnswer): Grant | undefined {
  if (status !== 200 || !isObject(body) || !isObject(body.auth)) return undefined
  const { client_token: token, lease_duration: lease, renewable } = body.auth
  if (typeof token !== 'string' || token === '') return undefined
  return { token, leaseSeconds: Number(lease) || 0, renewable: renewable === true }
}

/** How long a token that was given is good for; without end where it may not look at itself, or is none. */
export function lookedUp(answer: VaultAnswer, token: string, vault: string): Grant {
  const { status, body } = answer
  if (status !== 200 && status !== 403) throw refusal(answer, vault)
  const data = status === 200 && isObject(body) && isObject(body.data) ? body.data : {}
  return { token, leaseSeconds: Number(data.ttl) || 0, renewable: data.renewable === true }
}

/** Why AppRole lets nobody in. */
export function loginRefusal(answer: VaultAnswer, vault: string, mount: string): ExternalError {
  const { status, said } = answer
  // where nothing is mounted, a login is a request without a token like any other
  if (status === 404 || /missing client token|permission denied/i.test(said)) {
    return new ExternalError('Missing', `${vault} has no AppRole at ${mount}${because(said)}`, {
      next: 'check spec.external.vault.auth.appRole.mount and namespace: vault auth list',
    })
  }
  if (status === 400 || status === 403) {
    return new ExternalError('NotPermitted', `${vault} does not let the role in${because(said)}`, {
      next: 'check roleId; make a new secret id (vault write -f auth/approle/role/NAME/secret-id) and put it into the Secret that auth.appRole.secretId names',
    })
  }
  if (status === 200) {
    return new ExternalError('Refused', `${vault} lets the role in and gives no token`, {
      next: 'a role that needs a second factor cannot be used here',
    })
  }
  return refusal(answer, vault)
}

/** Answers that are about Vault, not about what was asked. */
function refusal({ status, said, retryAfterMs }: VaultAnswer, vault: string): ExternalError {
  const details = retryAfterMs === undefined ? {} : { retryAfterMs }
  if (status === 429) {
    return new ExternalError('Unavailable', `${vault} asks for fewer requests${because(said)}`, {
      ...details,
      next: 'it is tried again by itself; raise its quota, or spec.external.refresh',
    })
  }
  if (status === 503 && /sealed/i.test(said)) {
    return new ExternalError('Unavailable', `${vault} is sealed`, {
      ...details,
      next: 'vault operator unseal',
    })
  }
  if (status === 472 || status === 473 || /standby|not active/i.test(said)) {
    return new ExternalError('Unavailable', `${vault} stands by, and knows none that leads${because(said)}`, {
      ...details,
      next: 'it is tried again by itself; see vault status',
    })
  }
  if (status >= 500 || status === 412) {
    return new ExternalError('Unavailable', `${vault} answers ${status}${because(said)}`, {
      ...details,
      next: 'it is tried again by itself; see the log of Vault',
    })
  }
  return new ExternalError('Refused', `${vault} answers ${status}${because(said)}`, {
    next: 'check that a Vault listens there',
  })
}

function because(said: string): string {
  return said === '' ? '' : `: ${said}`
}
