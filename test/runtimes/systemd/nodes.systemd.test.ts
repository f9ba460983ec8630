/** The systemd runtime on real systemds: 252 and 257, /etc read-only as on NixOS, the system's manager and a user's. */
import { suite } from 'uvu'
import { runInside } from '../../lab/inside.ts'
import { bootNode, canBootNodes, type LabNode, SYSTEMD_VERSION } from '../../lab/node.ts'
import { needs } from '../../parts.ts'

const INSIDE = 'test/runtimes/systemd/inside'
const RELEASES = ['bookworm', 'trixie'] as const

for (const release of RELEASES) {
  const test = suite(`systemd ${SYSTEMD_VERSION[release]}`)
  const real = needs(test, canBootNodes(), 'root, to boot machines of its own')
  let node: LabNode
  if (canBootNodes()) {
    test.before(async () => {
      node = await bootNode({ release, name: release, readOnlyEtc: true })
    })
    test.after(() => node?.stop())
  }

  // before the bus is restarted, which logind does not survive everywhere
  for (const file of ['contract', 'managers', 'user', 'groups'])
    real(`${file} as a user`, () => runInside(node, `${INSIDE}/${file}.ts`, { asUser: true }))

  for (const file of ['contract', 'over', 'hardening', 'units', 'groups', 'managers'])
    real(`${file} as root`, () => runInside(node, `${INSIDE}/${file}.ts`))

  real('/etc was read-only all the while', async () => {
    const { code } = await node.exec(['touch', '/etc/systemd/system/x'])
    if (code === 0) throw new Error('/etc/systemd/system could be written')
  })

  real('brings back after a reboot what ran', async () => {
    await runInside(node, `${INSIDE}/restore.ts`, { env: { NSCTL_LAB_PHASE: 'before' } })
    await node.reboot()
    await runInside(node, `${INSIDE}/restore.ts`, { env: { NSCTL_LAB_PHASE: 'after' } })
  })

  test.run()
}
