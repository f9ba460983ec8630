/** Programs in containers on real systemds, 252 and 257: the runtime contract, and what a container is. */
import { suite } from 'uvu'
import { runInside } from '../../lab/inside.ts'
import { bootNode, canBootNodes, type LabNode, SYSTEMD_VERSION } from '../../lab/node.ts'
import { needs } from '../../parts.ts'

const INSIDE = 'test/runtimes/systemd/inside'
const RELEASES = ['bookworm', 'trixie'] as const

for (const release of RELEASES) {
  const test = suite(`systemd-nspawn ${SYSTEMD_VERSION[release]}`)
  const real = needs(test, canBootNodes(), 'root, to boot machines of its own')
  let node: LabNode
  if (canBootNodes()) {
    test.before(async () => {
      node = await bootNode({ release, name: `nspawn-${release}`, readOnlyEtc: true })
    })
    test.after(() => node?.stop())
  }

  for (const file of ['nspawn-contract', 'nspawn'])
    real(`${file} as root`, () => runInside(node, `${INSIDE}/${file}.ts`))

  real('brings back after a reboot what ran', async () => {
    const env = { NSCTL_LAB_CONTAINER: '1' }
    await runInside(node, `${INSIDE}/restore.ts`, { env: { ...env, NSCTL_LAB_PHASE: 'before' } })
    await node.reboot()
    await runInside(node, `${INSIDE}/restore.ts`, { env: { ...env, NSCTL_LAB_PHASE: 'after' } })
  })

  test.run()
}
