/** A shop with two services, at noon: what the views' tests show. */
import type { RevisionRecord } from '../../src/api/api.ts'
import { ManualClock } from '../../src/core/clock.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { createKindRegistry } from '../../src/resources/registry.ts'

export const kinds = createKindRegistry()
export const clock = new ManualClock(Date.parse('2026-01-31T12:15:00Z'))
export const nowMs = clock.now()

/** The time so long before now. */
export function ago(minutes: number): string {
  return new Date(nowMs - minutes * 60_000).toISOString()
}

const apiVersion = 'nsctl.dev/v1alpha1'
const namespace = 'shop'

export const web: AnyResource = {
  apiVersion,
  kind: 'Service',
  metadata: {
    name: 'web',
    namespace,
    labels: { tier: 'frontend', app: 'web' },
    uid: 'uid-web',
    resourceVersion: '90',
    generation: 8,
    revision: 7,
    creationTimestamp: ago(4 * 24 * 60),
  },
  spec: {
    replicas: 3,
    template: {
      source: { command: ['node', 'server.js', '--name', 'a b'], workingDir: '/srv/web' },
      env: [{ name: 'LOG_LEVEL', value: 'info' }],
      ports: [{ name: 'http', protocol: 'TCP' }],
      resources: { cpu: '500m', memory: '128Mi' },
      limits: { cpu: '1' },
      readiness: {
        http: { path: '/healthz', port: 'http' },
        period: '2s',
        timeout: '1s',
        failureThreshold: 3,
      },
      stop: { signal: 'SIGTERM', gracePeriod: '10s' },
      network: 'host',
    },
    storage: [{ name: 'data', path: '/var/lib/web' }],
    update: {
      strategy: 'Rolling',
      maxUnavailable: 0,
      maxSurge: 1,
      autoRollback: true,
      progressDeadline: '60s',
    },
    revisionHistoryLimit: 10,
  },
  status: {
    observedGeneration: 8,
    replicas: 3,
    readyReplicas: 3,
    updatedReplicas: 3,
    availableReplicas: 3,
    ready: '3/3',
    revisionName: 'r7',
    nodes: 'alpha,beta',
    url: 'https://web.example.org',
    currentHash: 'h3kq9x2mzc',
    stableHash: 'h3kq9x2mzc',
    stableRevision: 7,
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'EnoughReady',
        message: '3 of 3 instances ready',
        lastTransitionTime: ago(11),
      },
      {
        type: 'Progressing',
        status: 'False',
        reason: 'Complete',
        message: 'rollout of r7 (h3kq9x2mzc) took 9.4 s',
        lastTransitionTime: ago(11),
      },
    ],
  },
}

export const mail: AnyResource = {
  apiVersion,
  kind: 'Service',
  metadata: {
    name: 'mail',
    namespace,
    uid: 'uid-mail',
    resourceVersion: '91',
    generation: 2,
    revision: 2,
    creationTimestamp: ago(4 * 24 * 60),
  },
  spec: {
    replicas: 2,
    template: {
      programs: [
        {
          name: 'smtp',
          source: { command: ['./smtpd'] },
          liveness: { tcp: { port: 'smtp' }, period: '5s', timeout: '1s', failureThreshold: 3 },
        },
        { name: 'spool', source: { command: ['./spool', '-v'] }, resources: { memory: '64Mi' } },
      ],
      ports: [{ name: 'smtp', protocol: 'TCP' }],
      security: { relax: ['PrivateTmp'] },
    },
    update: { strategy: 'Recreate', autoRollback: false },
  },
  status: {
    observedGeneration: 2,
    replicas: 2,
    readyReplicas: 1,
    updatedReplicas: 1,
    ready: '1/2',
    revisionName: 'r2',
    nodes: 'beta',
    url: 'tcp 20031, 20032',
    summary: 'Degraded: mail-1 exits 78 (3 restarts)',
  },
}

function instance(
  service: string,
  name: string,
  node: string,
  ordinal: number,
  status: Record<string, unknown>,
  template: unknown = (service === 'web' ? web : mail).spec?.template,
): AnyResource {
  return {
    apiVersion,
    kind: 'Instance',
    metadata: {
      name,
      namespace,
      uid: `uid-${name}`,
      resourceVersion: '80',
      creationTimestamp: ago(12),
      labels: { app: service },
      ownerReferences: [{ apiVersion, kind: 'Service', name: service, uid: `uid-${service}` }],
    },
    spec: { service, ordinal, node, templateHash: 'h3kq9x2mzc', revisionName: 'r7', attempt: 0, template },
    status,
  } as AnyResource
}

function running(port: number, cpuMillis: number, memoryMi: number, sinceMinutes: number) {
  return {
    phase: 'Running',
    ready: true,
    readyText: 'yes',
    restarts: 0,
    pid: 4000 + port,
    startedAt: ago(sinceMinutes),
    readySince: ago(sinceMinutes),
    cpuMillis,
    memoryBytes: memoryMi * 1024 * 1024,
    ports: [{ name: 'http', port }],
    portsText: String(port),
    programs: [{ name: '', state: 'running', ready: true, restarts: 0 }],
  }
}

export const web0 = instance('web', 'web-0-k2p9x', 'alpha', 0, running(20011, 210, 96, 11))
export const web1 = instance('web', 'web-1-v7d3m', 'alpha', 1, running(20012, 190, 94, 11))
export const web2 = instance('web', 'web-2-q8n5t', 'beta', 2, {
  ...running(20007, 230, 101, 3),
  restarts: 1,
  notEnforced: ['limits.cpu'],
  lastFailure: { reason: 'OOMKilled', at: ago(3), message: 'OOM at 12:12:00 (limit 128Mi)' },
})
export const mail1 = instance('mail', 'mail-1-x2c4z', 'beta', 1, {
  phase: 'Backoff',
  ready: false,
  readyText: 'no',
  restarts: 3,
  message: 'exits 78, next try in 20 s',
  reason: 'CrashLoop',
  programs: [
    { name: 'smtp', state: 'running', ready: true, restarts: 0, pid: 77, startedAt: ago(12) },
    {
      name: 'spool',
      state: 'backoff',
      ready: false,
      restarts: 3,
      lastFailure: { reason: 'Error', exitCode: 78, at: ago(1) },
    },
  ],
  lastFailure: { program: 'spool', reason: 'Error', exitCode: 78, at: ago(1) },
})
export const instances: readonly AnyResource[] = [web2, web0, web1, mail1]

function volume(ordinal: number, node: string, name = 'data'): AnyResource {
  return {
    apiVersion,
    kind: 'Volume',
    metadata: { name: `web-${name}-${ordinal}`, namespace, creationTimestamp: ago(5000) },
    spec: { service: 'web', volume: name, ordinal, node },
    status: { phase: 'Present', path: `/var/lib/nsctl/${name}-${ordinal}` },
  }
}

export const volumes: readonly AnyResource[] = [
  volume(2, 'beta'),
  volume(0, 'alpha'),
  volume(1, 'alpha'),
  volume(0, 'alpha', 'cache'),
]

function event(
  name: string,
  kind: string,
  about: string,
  minutesAgo: number,
  type: string,
  reason: string,
  message: string,
  count = 1,
): AnyResource {
  return {
    apiVersion,
    kind: 'Event',
    metadata: { name, namespace, creationTimestamp: ago(minutesAgo) },
    involvedObject: { kind, namespace, name: about },
    objectText: `${kind.toLowerCase()}/${about}`,
    type,
    reason,
    message,
    source: 'controller service',
    count,
    firstTimestamp: ago(minutesAgo + count),
    lastTimestamp: ago(minutesAgo),
  } as unknown as AnyResource
}

export const events: readonly AnyResource[] = [
  event(
    'e2',
    'Instance',
    'web-2-q8n5t',
    3,
    'Warning',
    'OOMKilled',
    'web-2 exceeded 128Mi; restarted in 0.2 s',
  ),
  event('e1', 'Service', 'web', 11, 'Normal', 'RolledOut', 'r6 → r7'),
  event('e0', 'Instance', 'web-1-gone2', 12, 'Normal', 'Stopped', 'of the template before'),
  event('e3', 'Instance', 'mail-1-x2c4z', 1, 'Warning', 'CrashLoop', 'spool exits 78', 3),
]

export const node: AnyResource = {
  apiVersion,
  kind: 'Node',
  metadata: { name: 'alpha', creationTimestamp: ago(4 * 24 * 60) },
  spec: {},
  status: {
    phase: 'Ready',
    runtime: 'systemd 252 (system)',
    version: '0.1.0',
    os: 'Debian GNU/Linux 12, Linux 6.1',
    instances: 2,
    cannot: ['storage.path'],
    capacity: { cpu: '4', memory: '8Gi' },
    addresses: ['127.0.0.1', '10.0.0.7'],
    metricsUrl: 'http://127.0.0.1:9464/metrics',
  },
}

export const revisions: readonly RevisionRecord[] = [
  {
    revision: 7,
    generation: 8,
    spec: { replicas: 3, template: { source: { command: ['node', 'server.js'] } } },
    by: 'ada',
    from: 'git 3f9c2e1 (shop/web.yaml)',
    at: ago(12),
    cause: 'applied',
    changes: [{ path: ['spec', 'template', 'resources', 'memory'], from: '96Mi', to: '128Mi' }],
  },
  {
    revision: 6,
    generation: 6,
    spec: { replicas: 2, template: { source: { command: ['node', 'server.js'] } } },
    by: 'ada',
    at: ago(600),
    cause: 'rolled back to r1',
    changes: [
      { path: ['spec', 'template', 'env'], from: [{ name: 'A', value: '1' }] },
      { path: ['spec', 'template', 'source', 'command'], from: ['node', 'a.js'], to: ['node', 'server.js'] },
    ],
  },
  {
    revision: 1,
    generation: 1,
    spec: { replicas: 2 },
    by: 'grace',
    from: 'stdin',
    at: ago(5700),
    cause: 'applied',
    changes: [],
  },
]
