import { startGate } from '../../lab/gate.ts'
import {
  type Gauge,
  type PrometheusServer,
  startGauge,
  startPrometheus,
  startVictoriaMetrics,
} from '../../lab/prometheus.ts'
import { canFetchDebs } from '../../lab/servers.ts'
import type { Outside } from './contract.ts'
import { sourceContract, until } from './contract.ts'

/** What bcrypt makes of `prometheus-pw`, at its lowest cost: each request is checked with it. */
const HASH = '$2b$04$abcdefghijklmnopqrstuuB5NC087WQdVfYoN5QD8xE70EwWSG7.y'
const PASSWORD = 'prometheus-pw'
const basic = `Basic ${Buffer.from(`scaler:${PASSWORD}`).toString('base64')}`
const METRIC = 'jobs_waiting'

async function outsideOf(server: PrometheusServer, gauge: Gauge, isGuarded: boolean): Promise<Outside> {
  const gate = await startGate({ host: '127.0.0.1', port: server.port })
  const address = `http://127.0.0.1:${gate.port}`
  const authentication = { authModes: 'basic', username: 'scaler', password: PASSWORD }
  const trigger = (metadata: Record<string, string>) => ({
    type: 'prometheus',
    metadata: {
      serverAddress: address,
      query: METRIC,
      threshold: '5',
      activationThreshold: '3',
      ...metadata,
    },
    ...(isGuarded ? { authentication } : {}),
  })
  return {
    trigger: trigger({}),
    activation: 3,
    gate,
    server: {
      freeze: () => server.process.freeze(),
      thaw: () => server.process.thaw(),
      kill: () => server.process.kill(),
      restart: () => server.restart(),
    },
    async set(value) {
      gauge.set(String(value))
      await until(async () => (await server.query(METRIC))[0]?.value === value)
    },
    wrongCredentials: isGuarded
      ? [
          {
            what: 'wrong password',
            trigger: { ...trigger({}), authentication: { ...authentication, password: 'wrong-pw' } },
          },
          { what: 'no password', trigger: { type: 'prometheus', metadata: trigger({}).metadata } },
        ]
      : [],
    invalid: [
      { what: 'no series', trigger: trigger({ query: 'nothing_at_all' }) },
      { what: 'several series', trigger: trigger({ query: 'count by (__name__) ({job="gauge"})' }) },
      { what: 'NaN', trigger: trigger({ query: `${METRIC} * 0 / 0` }) },
      { what: 'infinity', trigger: trigger({ query: `(${METRIC} + 1) / 0`, ignoreNullValues: 'true' }) },
      { what: 'minus infinity', trigger: trigger({ query: `(-1 - ${METRIC}) / 0` }) },
      { what: 'no query', trigger: trigger({ query: 'sum(' }) },
      { what: 'a range', trigger: trigger({ query: `${METRIC}[1m]` }) },
    ],
    empty: [
      { what: 'no series', trigger: trigger({ query: 'nothing_at_all', ignoreNullValues: 'true' }) },
      { what: 'NaN', trigger: trigger({ query: `${METRIC} * 0 / 0`, ignoreNullValues: 'true' }) },
      { what: 'or vector(0)', trigger: trigger({ query: 'sum(nothing_at_all) or vector(0)' }) },
      { what: 'a scalar', trigger: trigger({ query: '1 - 1' }) },
    ],
    refused: [
      {
        what: 'no address',
        trigger: trigger({ serverAddress: 'prometheus:9090' }),
        parameter: 'serverAddress',
      },
      {
        what: 'no password',
        trigger: { ...trigger({}), authentication: { authModes: 'bearer' } },
        parameter: 'bearerToken',
      },
    ],
    secrets: [PASSWORD, 'wrong-pw', basic],
    garbage: [
      'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnull',
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}',
    ],
    async stop() {
      await gate.close()
      await server.stop()
      await gauge.stop()
    },
  }
}

for (const [name, isGuarded] of [
  ['prometheus', true],
  ['victoria-metrics', false],
] as const)
  sourceContract({
    name: `prometheus (${name})`,
    module: new URL('../../../src/scaling/sources/prometheus.ts', import.meta.url),
    type: async () => (await import('../../../src/scaling/sources/prometheus.ts')).prometheus,
    present: canFetchDebs(),
    part: 'Debian packages',
    async start() {
      const gauge = await startGauge(METRIC)
      gauge.set('0')
      const jobs = [{ name: 'gauge', targets: [gauge.target] }]
      const server = isGuarded
        ? await startPrometheus({ jobs, users: { scaler: HASH }, authorization: basic })
        : await startVictoriaMetrics({ jobs })
      return outsideOf(server, gauge, isGuarded)
    },
  })
