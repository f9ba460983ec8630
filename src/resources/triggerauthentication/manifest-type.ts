/** A TriggerAuthentication's spec as it stands in a manifest that the schema has found sound; a ClusterTriggerAuthentication's is the same. */

export interface KeyTarget {
  readonly parameter: string
  readonly name: string
  readonly key: string
}

export interface EnvTarget {
  readonly parameter: string
  readonly name: string
  readonly containerName?: string
}

export interface VaultTarget {
  readonly address: string
  readonly namespace?: string
  readonly authentication: 'token' | 'kubernetes'
  readonly credential?: {
    readonly token?: string
    readonly tokenFrom?: { readonly name: string; readonly key: string }
  }
  readonly secrets: readonly {
    readonly parameter: string
    readonly path: string
    readonly key: string
    readonly type?: string
  }[]
}

export interface AuthenticationSpec {
  readonly secretTargetRef?: readonly KeyTarget[]
  readonly configMapTargetRef?: readonly KeyTarget[]
  readonly env?: readonly EnvTarget[]
  readonly hashiCorpVault?: VaultTarget
  readonly podIdentity?: { readonly provider?: unknown }
  readonly [method: string]: unknown
}

export interface AuthenticationText {
  readonly spec: AuthenticationSpec
}
