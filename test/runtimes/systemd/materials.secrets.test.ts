/** What units are given on no disk, under each systemd that counts, by its system manager and a user's. */
import { suite } from 'uvu'
import { runInside } from '../../lab/inside.ts'
import { bootNode, canBootNodes, type LabNode, SYSTEMD_VERSION } from '../../lab/node.ts'
import { needs } from '../../parts.ts'

const INSIDE = 'test/runtimes/systemd/inside'

for (const release of ['bookworm', 'trixie'] as const) {
  const test = suite(`material under systemd ${SYSTEMD_VERSION[release]}`)
  const real = needs(test, canBootNodes(), 'root, to boot machines of its own')
  let node: LabNode
  if (canBootNodes()) {
    test.before(async () => {
      node = await bootNode({ release, name: release, readOnlyEtc: true })
    })
    test.after(() => node?.stop())
  }

  for (const file of ['materials', 'materials-refused']) {
    real(`${file} as root`, () => runInside(node, `${INSIDE}/${file}.ts`))
    real(`${file} as a user`, () => runInside(node, `${INSIDE}/${file}.ts`, { asUser: true }))
  }

  real('after a reboot', async () => {
    await runInside(node, `${INSIDE}/materials-restore.ts`, { env: { NSCTL_LAB_PHASE: 'before' } })
    await node.reboot()
    await runInside(node, `${INSIDE}/materials-restore.ts`, { env: { NSCTL_LAB_PHASE: 'after' } })
  })

  test.run()
}
