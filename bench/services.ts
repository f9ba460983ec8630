/** Synthetic Services of about 1.2 KB, as manifests of a shop might be. */

export function serviceOf(index: number): object {
  const tier = ['frontend', 'backend', 'worker', 'batch'][index % 4]
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: {
      name: `service-${String(index).padStart(5, '0')}`,
      labels: { tier, team: `team-${index % 17}`, 'app.example.org/part-of': 'shop' },
      annotations: {
        'example.org/owner': `team-${index % 17}@example.org`,
        'example.org/runbook': `https://runbooks.example.org/${index}`,
      },
    },
    spec: {
      replicas: 0,
      template: {
        source: {
          command: ['/usr/bin/env', 'sleep', 'infinity', `--service=${index}`],
          workingDir: '/srv/shop',
        },
        env: Array.from({ length: 8 }, (_, i) => ({
          name: `SETTING_${i}`,
          value: `value ${i} of service ${index}`,
        })),
        ports: [{ name: 'http' }, { name: 'metrics' }],
        resources: { cpu: '250m', memory: '128Mi' },
        readiness: { http: { path: '/healthz', port: 'http' }, period: '5s' },
        liveness: { http: { path: '/livez', port: 'http' }, period: '10s', failureThreshold: 5 },
        stop: { gracePeriod: '20s' },
      },
      update: { strategy: 'Rolling', maxUnavailable: '10%', maxSurge: 2 },
    },
  }
}

export function jsonOf(count: number): string {
  const items = Array.from({ length: count }, (_, index) => serviceOf(index))
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
}

export async function yamlOf(count: number): Promise<string> {
  const { stringify } = await import('yaml')
  return Array.from({ length: count }, (_, index) => stringify(serviceOf(index))).join('---\n')
}
