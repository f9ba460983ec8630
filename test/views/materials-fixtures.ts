/** A Secret and a Config of the shop, who takes them, and where they are. No value is in here that views could show. */
import type { AnyResource } from '../../src/resources/object.ts'
import { ago } from './fixtures.ts'

const apiVersion = 'nsctl.dev/v1alpha1'
const namespace = 'shop'

/** Looks like ciphertext, and is a text that no view may show. */
export const CIPHERTEXT = '-----BEGIN AGE ENCRYPTED FILE-----\nPLANTED\n-----END AGE ENCRYPTED FILE-----\n'

const object = (kind: string, name: string, more: object, metadata: object = {}) =>
  ({
    apiVersion,
    kind,
    metadata: { name, namespace, uid: `uid-${name}`, creationTimestamp: ago(90), ...metadata },
    ...more,
  }) as unknown as AnyResource

export const sealed = (version: string, mark = '') => ({
  version: version.repeat(10),
  age: CIPHERTEXT.replace('PLANTED', `PLANTED${mark}`),
})

export const secret = object('Secret', 'db', {
  spec: {
    sealed: { user: sealed('u'), password: sealed('p') },
    recipients: ['age1controlplane', 'age1ada', 'age1gonegonegonegonegone'],
    immutable: false,
  },
  status: {
    observedGeneration: 1,
    version: 'newnewnewn',
    keyNames: 'password,user',
    source: 'sealed',
    conditions: [
      {
        type: 'Openable',
        status: 'True',
        reason: 'Opened',
        message: 'the control plane opens it',
        lastTransitionTime: ago(30),
      },
    ],
  },
})

export const external = object('Secret', 'mail', {
  spec: {
    external: {
      vault: { address: 'https://vault.example.org:8200', mount: 'kv', path: 'shop/mail' },
      refresh: '1m',
    },
    immutable: true,
  },
  status: {
    fetched: { token: sealed('t') },
    fetchedAt: ago(180),
    summary: 'Vault answers 503: it is sealed',
  },
})

export const config = object('Config', 'app', {
  spec: { data: { LOG_LEVEL: 'info' }, files: { 'app.ini': 'x'.repeat(2048) }, immutable: false },
  status: { version: 'cfgcfgcfgc', keys: 2 },
})

export const recipients = [
  object('Recipient', 'control-plane', { spec: { key: 'age1controlplane', role: 'ControlPlane' } }),
  object('Recipient', 'operator-ada-laptop', { spec: { key: 'age1ada', role: 'Operator' } }),
  object('Recipient', 'operator-bob-pc', { spec: { key: 'age1bob', role: 'Operator' } }),
]

export const taker = object('Service', 'api', {
  spec: {
    replicas: 1,
    template: {
      programs: [
        {
          name: 'app',
          source: { command: ['app'] },
          env: [{ name: 'DB_PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }],
        },
        { name: 'proxy', source: { command: ['proxy'] } },
      ],
      env: [{ name: 'LEVEL', valueFrom: { configKeyRef: { name: 'app', key: 'LOG_LEVEL' } } }],
      envFrom: [
        { prefix: 'APP_', configRef: { name: 'app' } },
        { secretRef: { name: 'other', optional: true } },
      ],
      configs: [{ name: 'app', path: '/etc/app', onChange: 'reload' }],
      secrets: [
        { name: 'db', onChange: 'restart', optional: true },
        { name: 'tls', items: [{ key: 'tls.crt', as: 'crt' }, { key: 'tls.key' }], onChange: 'none' },
      ],
    },
  },
})

const delivery = (node: string, kind: string, name: string, version: string, status: object) =>
  object('Delivery', `${name}-${node}`, { spec: { node, source: { kind, name }, version }, status })

export const deliveries = [
  delivery('beta', 'Secret', 'db', 'oldoldoldo', { phase: 'Opened' }),
  delivery('alpha', 'Secret', 'db', 'newnewnewn', { phase: 'Opened' }),
  delivery('gamma', 'Secret', 'db', 'newnewnewn', {
    phase: 'Failed',
    message: 'no identity of this node fits',
  }),
  delivery('alpha', 'Config', 'app', 'cfgcfgcfgc', {}),
]
