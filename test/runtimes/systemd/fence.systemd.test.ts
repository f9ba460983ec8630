/** The fence around unique programs on real systemds: 252 and 257, the system's manager and a user's. */
import { suite } from 'uvu'
import { runInside } from '../../lab/inside.ts'
import { bootNode, canBootNodes, type LabNode, SYSTEMD_VERSION } from '../../lab/node.ts'
import { needs } from '../../parts.ts'

const FILE = 'test/runtimes/systemd/inside/fence.ts'

for (const release of ['bookworm', 'trixie'] as const) {
  const test = suite(`systemd ${SYSTEMD_VERSION[release]}`)
  const real = needs(test, canBootNodes(), 'root, to boot machines of its own')
  let node: LabNode
  if (canBootNodes()) {
    test.before(async () => {
      node = await bootNode({ release, name: release, readOnlyEtc: true })
    })
    test.after(() => node?.stop())
  }
  real('as root', () => runInside(node, FILE))
  real('as a user', () => runInside(node, FILE, { asUser: true }))
  test.run()
}
