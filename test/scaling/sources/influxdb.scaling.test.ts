import { startGate } from '../../lab/gate.ts'
import { startInflux } from '../../lab/influxdb.ts'
import { canFetchDebs } from '../../lab/servers.ts'
import { sourceContract } from './contract.ts'

sourceContract({
  name: 'influxdb (InfluxQL)',
  module: new URL('../../../src/scaling/sources/influxdb.ts', import.meta.url),
  type: async () => (await import('../../../src/scaling/sources/influxdb.ts')).influxdb,
  present: canFetchDebs(),
  part: 'Debian packages',
  async start() {
    const server = await startInflux()
    const gate = await startGate({ host: '127.0.0.1', port: server.port })
    const authToken = `${server.user}:${server.password}`
    const trigger = (
      query: string,
      more: Record<string, string> = {},
      token: string | undefined = authToken,
    ) => ({
      type: 'influxdb',
      metadata: {
        serverURL: `http://127.0.0.1:${gate.port}`,
        influxVersion: '3',
        database: server.database,
        metricKey: 'last',
        query,
        thresholdValue: '5',
        activationThresholdValue: '3',
        ...more,
      },
      ...(token === '' ? {} : { authentication: { authToken: token } }),
    })
    const last = 'SELECT last(n) FROM waiting'
    return {
      trigger: trigger(last),
      activation: 3,
      gate,
      server: {
        freeze: () => server.process.freeze(),
        thaw: () => server.process.thaw(),
        kill: () => server.process.kill(),
        restart: () => server.restart(),
      },
      set: (value) => server.write(`waiting,host=a n=${value}`),
      wrongCredentials: [
        { what: 'wrong password', trigger: trigger(last, {}, `${server.user}:wrong-pw`) },
        { what: 'no password', trigger: trigger(last, {}, '') },
      ],
      invalid: [
        { what: 'no such series', trigger: trigger('SELECT last(n) FROM nothing') },
        { what: 'no such database', trigger: trigger(last, { database: 'nothing' }) },
        { what: 'no InfluxQL', trigger: trigger('how many?') },
        { what: 'no such column', trigger: trigger(last, { metricKey: 'first' }) },
        { what: 'no number', trigger: trigger('SHOW DATABASES', { metricKey: 'name' }) },
        {
          what: 'several series',
          trigger: trigger('SELECT last(n) FROM waiting; SELECT last(n) FROM waiting'),
        },
      ],
      empty: [{ what: 'count of nothing above', trigger: trigger('SELECT 0*count(n) AS last FROM waiting') }],
      refused: [
        { what: 'no address', trigger: trigger(last, { serverURL: 'influx:8086' }), parameter: 'serverURL' },
        {
          what: 'version 2 without an organization',
          trigger: trigger(last, { influxVersion: '2' }),
          parameter: 'organizationName',
        },
      ],
      secrets: [server.password, 'wrong-pw', Buffer.from(authToken).toString('base64')],
      async stop() {
        await gate.close()
        await server.stop()
      },
    }
  },
})
