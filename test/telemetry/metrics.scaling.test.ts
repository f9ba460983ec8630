/** What the real daemon says of its node, instances and scalers: held to promtool, to the reference, and scraped by a real Prometheus. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, type Home, root } from '../commands/nsctl.ts'
import { Running, until } from '../daemon/processes.ts'
import { type PrometheusServer, prometheusBinary, startPrometheus } from '../lab/prometheus.ts'
import { canFetchDebs } from '../lab/servers.ts'
import { needs } from '../parts.ts'

interface Context {
  home: Home
  daemon: Running
  url: string
}

const present = canFetchDebs()
const test = suite<Context>('metrics of the daemon')

/** One program that uses the processor and the disk, with a probe, and what follows it. */
const MANIFEST = `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: burner, labels: {app: burner}}
spec:
  replicas: 1
  template:
    source: {command: [sh, burn.sh]}
    readiness: {exec: {command: ['true']}, period: 1s}
    resources: {cpu: 100m, memory: 16Mi}
---
apiVersion: nsctl.dev/v1alpha1
kind: ScaledObject
metadata: {name: burner}
spec:
  scaleTargetRef: {name: burner}
  minReplicaCount: 1
  maxReplicaCount: 2
  pollingInterval: 1
  triggers:
    - {type: cpu, name: cpu, metricType: Utilization, metadata: {value: '40'}}
${['io', 'memory', 'service', 'kubernetes-workload'].map(follower).join('')}`

function follower(type: string): string {
  const metadata: Readonly<Record<string, string>> = {
    io: "value: '100000'",
    memory: 'value: 100Ki',
    service: "service: burner, value: '1'",
    'kubernetes-workload': "podSelector: app=burner, value: '1'",
  }
  const metricType = type === 'memory' ? 'metricType: AverageValue, ' : ''
  const command = type === 'io' ? '[sh, write.sh]' : "[sleep, '1000']"
  return `---
apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: by-${type}}
spec:
  replicas: 1
  template:
    source: {command: ${command}}
---
apiVersion: nsctl.dev/v1alpha1
kind: ScaledObject
metadata: {name: by-${type}}
spec:
  scaleTargetRef: {name: by-${type}}
  minReplicaCount: 1
  maxReplicaCount: 2
  pollingInterval: 1
  triggers: [{type: ${type}, name: it, ${metricType}metadata: {${metadata[type]}}}]
`
}

test.before(async (context) => {
  if (!present) return
  const home = createHome()
  context.home = home
  home.write('burn.sh', 'while :; do i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; sleep 0.01; done\n')
  home.write('write.sh', 'while :; do head -c 1000000 /dev/zero >"f$$"; sync "f$$"; sleep 0.2; done\n')
  home.write('all.yaml', MANIFEST)
  context.daemon = await new Running(home, ['up', '--runtime', 'process']).says(/is ready after/)
  const applied = await home.run(['apply', '-f', 'all.yaml'])
  assert.is(applied.code, 0, applied.stderr)
  context.url = await until(async () => {
    const { stdout } = await home.run(['get', 'node', '-o', 'jsonpath={.items[0].status.metricsUrl}'])
    assert.match(stdout, /^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
    return stdout
  })
})
test.after(async ({ home, daemon }) => {
  if (!present) return
  if (daemon.child.exitCode === null) await daemon.stop('SIGKILL')
  await home.run(['down', '--purge'])
  home.remove()
})

const real = needs(test, present, 'Debian packages')

real('what instances use and how many there are scales', async ({ home }) => {
  for (const name of ['burner', 'by-io', 'by-memory', 'by-service', 'by-kubernetes-workload'])
    await until(async () => {
      const { stdout } = await home.run(['get', 'service', name, '-o', 'jsonpath={.status.readyReplicas}'])
      if (stdout !== '2') {
        const said = await home.run(['describe', 'scaler', name])
        assert.unreachable(`${name} has ${stdout} ready\n${said.stdout}${said.stderr}`)
      }
    }, 45_000)
})

real('promtool finds nothing wrong', async ({ url }) => {
  const input = await (await fetch(url)).text()
  const { status, stdout, stderr } = spawnSync(await prometheusBinary('promtool'), ['check', 'metrics'], {
    input,
    encoding: 'utf8',
  })
  assert.is(status, 0, `${stdout}${stderr}`)
  assert.is(`${stdout}${stderr}`, '')
})

real('it is what the reference lists, and each has samples', async ({ url }) => {
  const text = await (await fetch(url)).text()
  const reference = readFileSync(join(root, 'docs/reference/metrics.md'), 'utf8')
  const documented = Array.from(
    reference.matchAll(/^\| `(\w+)` \| (\w+) \|/gm),
    ([, name, type]) => `${name} ${type}`,
  )
  const exposed = Array.from(text.matchAll(/^# TYPE (\w+) (\w+)$/gm), ([, name, type]) => `${name} ${type}`)
  assert.equal(exposed.sort(), documented.sort())
  const silent = exposed
    .map((one) => one.split(' ')[0] ?? '')
    .filter((name) => !new RegExp(`^${name}(_count)?[{ ]`, 'm').test(text))
  // no instance here says that it is busy, nothing fails, and not every kernel measures pressure
  const may = [
    'nsctl_instance_busy',
    'nsctl_scaler_poll_errors_total',
    'nsctl_node_pressure_waiting_seconds_total',
  ]
  assert.equal(
    silent.filter((name) => !may.includes(name) && !name.includes('_pressure_')),
    [],
  )
})

real('a real Prometheus scrapes it, and its rates are right', async ({ url }) => {
  let prometheus: PrometheusServer | undefined
  try {
    const job = { name: 'nsctl', targets: [new URL(url).host], intervalMs: 500, honorLabels: true }
    prometheus = await startPrometheus({ jobs: [job] })
    const { query } = prometheus
    await until(async () => {
      const of = async (text: string) => (await query(text))[0]?.value
      assert.is(await of('up'), 1)
      assert.is(await of('sum(nsctl_instance_ready{service="burner"})'), 2)
      const [first] = await query('nsctl_instance_ready{service="burner"}')
      assert.match(first?.metric.instance ?? '', /^burner-\d-/)
      const cpu = (await of('sum(rate(nsctl_instance_cpu_seconds_total{service="burner"}[5s]))')) ?? 0
      assert.ok(cpu > 0.1 && cpu < 2.5, `${cpu} cores`)
      const written = await of('sum(rate(nsctl_instance_io_written_bytes_total{service="by-io"}[5s]))')
      assert.ok((written ?? 0) > 500_000, `${written} bytes a second`)
      const modes = await of('sum(rate(nsctl_node_cpu_seconds_total[5s])) / scalar(count(nsctl_node_load1))')
      assert.ok(modes !== undefined && modes > 0.5, `${modes} seconds a second`)
      const share = 'nsctl_scaler_demand{scaler="burner"} / nsctl_scaler_target{scaler="burner"} > 1'
      assert.is((await query(share)).length, 1)
      assert.is(await of('nsctl_scaler_desired_replicas{scaler="burner"}'), 2)
      assert.is(await of('nsctl_scaler_step_replicas{scaler="burner",step="bounds"}'), 2)
      const quantile =
        'histogram_quantile(0.9, sum by (le) (rate(nsctl_instance_probe_duration_seconds_bucket[5s])))'
      assert.ok(((await of(quantile)) ?? Number.NaN) > 0)
    }, 30_000)
  } finally {
    await prometheus?.stop()
  }
})

real(
  'the Node stops to say where its metrics are when its agent stops, and --no-metrics serves none',
  async (context) => {
    const { home, daemon } = context
    const told = () =>
      home.run(['get', 'node', '-o', 'jsonpath={.items[0].status.phase} {.items[0].status.metricsUrl}'])
    assert.is(await daemon.stop(), 0)
    assert.is((await told()).stdout.trim(), 'NotReady')
    context.daemon = await new Running(home, ['up', '--runtime', 'process', '--no-metrics']).says(
      /is ready after/,
    )
    await until(async () => assert.is((await told()).stdout.trim(), 'Ready'))
    assert.not.match(context.daemon.output, 'metrics on')
    await until(async () => {
      const { stdout } = await home.run(['describe', 'scaler', 'burner'])
      assert.match(stdout, /serves no metrics/)
    })
    const { stdout } = await home.run(['get', 'service', 'burner', '-o', 'jsonpath={.spec.replicas}'])
    assert.is(stdout, '2', 'what is not known takes nothing away')
  },
)

test.run()
