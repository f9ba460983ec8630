/** Makes one of each that a run of the cluster suite makes, says how far it is, and stays until it is ended. Run by the test beside it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createHome } from '../../commands/nsctl.ts'
import { Running } from '../../daemon/processes.ts'
import { Cluster } from '../../lab/cluster.ts'

const reach = (stage: string) => writeFileSync(join(tmpdir(), `stage-${stage}`), '')

mkdirSync(tmpdir(), { recursive: true })
const home = createHome()
const daemon = new Running(home, ['up', '--runtime', 'process'])
await daemon.says(/is ready after/)
const manifest = {
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'Service',
  metadata: { name: 'it' },
  spec: { replicas: 2, template: { source: { command: ['sleep', '100000'] } } },
}
await home.run(['apply', '-f', '-'], { stdin: JSON.stringify(manifest) })
await home.run(['wait', '--for=condition=Ready', 'service/it', '--timeout=30s'])
reach('programs')
const cluster = await Cluster.start({ nodes: 2, controllers: 1 })
reach('cluster')
cluster.machine('n2').node.freeze()
reach('frozen')
await sleep(600_000)
