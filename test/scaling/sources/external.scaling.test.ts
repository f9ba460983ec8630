import { startGate } from '../../lab/gate.ts'
import { type ExternalScaler, startScaler } from '../../lab/scaler.ts'
import { type Outside, sourceContract } from './contract.ts'

for (const type of ['external', 'external-push'])
  sourceContract({
    name: type,
    module: new URL('../../../src/scaling/sources/external.ts', import.meta.url),
    type: async () => {
      const { external, externalPush } = await import('../../../src/scaling/sources/external.ts')
      return type === 'external' ? external : externalPush
    },
    present: true,
    part: 'grpc-js',
    async start(): Promise<Outside> {
      let scaler: ExternalScaler = await startScaler({ activation: 3 })
      const port = Number(scaler.address.split(':')[1])
      const gate = await startGate({ host: '127.0.0.1', port })
      const trigger = (metadata: Record<string, string>) => ({
        type,
        metadata: { scalerAddress: `127.0.0.1:${gate.port}`, ...metadata },
      })
      return {
        trigger: trigger({}),
        activation: 3,
        gate,
        set: async (value) => scaler.set(value),
        wrongCredentials: [
          { what: 'unauthenticated', trigger: trigger({ answer: 'denied' }) },
          { what: 'permission denied', trigger: trigger({ answer: 'forbidden' }) },
        ],
        invalid: [
          'no-metric',
          'twice',
          'no-target',
          'negative-target',
          'no-value',
          'nan',
          'infinite',
          'large',
          'failed',
        ].map((answer) => ({ what: answer, trigger: trigger({ answer }) })),
        refused: [
          {
            what: 'no port',
            trigger: trigger({ scalerAddress: 'http://scaler/x' }),
            parameter: 'scalerAddress',
          },
          {
            what: 'half a pair',
            trigger: { ...trigger({}), authentication: { tlsClientCert: 'x' } },
            parameter: 'tlsClientKey',
          },
        ],
        secrets: [],
        async stop() {
          await gate.close()
          await scaler.stop()
        },
        server: {
          freeze: () => void gate.set('freeze'),
          thaw: () => void gate.set('pass'),
          kill: () => scaler.stop(),
          async restart() {
            scaler = await startScaler({ activation: 3, port })
          },
        },
      }
    },
  })
