/** Objects that are right, for tests to break in one place. */
import { valueAt } from '../../src/core/json.ts'
import type { AnyResource } from '../../src/resources/object.ts'

/** A Service with one of everything, as a manifest gives it. */
export function serviceManifest(): Record<string, unknown> & AnyResource {
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name: 'web', labels: { tier: 'front' } },
    spec: {
      replicas: 2,
      template: {
        source: { command: ['node', 'server.js'], workingDir: '/srv/web' },
        env: [{ name: 'LOG_LEVEL', value: 'info' }, { name: 'EMPTY' }],
        ports: [{ name: 'http' }, { name: 'metrics', port: 9100 }],
        resources: { cpu: '500m', memory: '128Mi' },
        limits: { cpu: '1', tasks: 64 },
        readiness: { http: { path: '/healthz', port: 'http' }, period: '2s' },
        liveness: { tcp: { port: 9100 } },
      },
      storage: [{ name: 'data', path: '/var/lib/web' }],
      update: { maxSurge: '25%' },
    },
  }
}

/** A group of two programs. */
export function groupManifest(): Record<string, unknown> & AnyResource {
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name: 'pair' },
    spec: {
      template: {
        programs: [
          { name: 'app', source: { command: ['/bin/app'] }, resources: { memory: '64Mi' } },
          { name: 'proxy', source: { command: ['/bin/proxy'] }, readiness: { exec: { command: ['true'] } } },
        ],
        env: [{ name: 'A', value: 'shared' }],
        ports: [{ name: 'http' }],
      },
    },
  }
}

/** A user's kind, as Kubernetes tools generate it. */
export function definitionManifest(): Record<string, unknown> & AnyResource {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'backups.acme.org' },
    spec: {
      group: 'acme.org',
      scope: 'Namespaced',
      names: {
        kind: 'Backup',
        listKind: 'BackupList',
        plural: 'backups',
        singular: 'backup',
        shortNames: ['bk'],
      },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {}, scale: { specReplicasPath: '.spec.copies' } },
          additionalPrinterColumns: [{ name: 'Schedule', type: 'string', jsonPath: '.spec.schedule' }],
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                spec: {
                  type: 'object',
                  required: ['schedule'],
                  properties: {
                    schedule: { type: 'string', pattern: '^\\S+( \\S+){4}$' },
                    copies: { type: 'integer', minimum: 0, default: 1 },
                    keep: { 'x-kubernetes-int-or-string': true },
                    at: { type: 'string', format: 'date-time', nullable: true },
                    mode: { type: 'string', enum: ['full', 'incremental'], default: 'full' },
                    labels: { type: 'object', additionalProperties: { type: 'string' } },
                    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                    targets: {
                      type: 'array',
                      maxItems: 3,
                      items: {
                        type: 'object',
                        required: ['host'],
                        properties: { host: { type: 'string' }, port: { type: 'integer', default: 22 } },
                      },
                    },
                    where: {
                      type: 'object',
                      properties: { path: { type: 'string' }, bucket: { type: 'string' } },
                      oneOf: [{ required: ['path'] }, { required: ['bucket'] }],
                    },
                  },
                },
              },
            },
          },
        },
      ],
    },
  }
}

/** The member at a dotted path. */
export function member(object: unknown, path: string): unknown {
  return valueAt(object, path.split('.'))
}

type Mutable = Record<string | number, unknown>

/** Sets (or, with undefined, removes) the member at a dotted path: `spec.template.ports.0.name`. Returns the object. */
export function put<T>(object: T, path: string, value: unknown): T {
  const steps = path.split('.')
  let current = object as Mutable
  for (const step of steps.slice(0, -1)) {
    current[step] ??= {}
    current = current[step] as Mutable
  }
  const last = steps.at(-1)!
  if (value === undefined) delete current[last]
  else current[last] = value
  return object
}
