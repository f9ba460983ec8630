/** The systemd runtime on real systemds: 252 and 257, /etc read-only as on NixOS, the system's manager and a user's. */
import { suite } from 'uvu'
import { runInside } from '../../lab/inside.ts'
import { bootNode, canBootNodes, type LabNode, type Release, SYSTEMD_VERSION } from '../../lab/node.ts'
import { needs } from '../../parts.ts'

const INSIDE = 'test/runtimes/systemd/inside'

for (const release of ['bookworm', 'trixie'] as const satisfies readonly Release[]) {
  const test = suite<{ node: LabNode }>(`systemd ${SYSTEMD_VERSION[release]}`)
  const it = needs(test as unknown as Parameters<typeof needs>[0], canBootNodes(), 'root, to boot machines of its own')
  if (canBootNodes()) {
    test.before(async (context) => {
      context.node = await bootNode({ release, name: release, readOnlyEtc: true })
    })
    test.after(async ({ node }) => {
      await node.stop()
    })
  }
  const inside = (name: string, file: string, options = {}) =>
    it(name, (async ({ node }: { node: LabNode }) => runInside(node, `${INSIDE}/${file}`, options)) as () => Promise<void>)

  inside('keeps the runtime contract', 'contract.ts')
  inside('hardens units', 'hardening.ts')
  inside('runs units', 'units.ts')
  inside('is reached by bus and by systemctl', 'managers.ts')
  it('brings back after a reboot what ran', (async ({ node }: { node: LabNode }) => {
    await runInside(node, `${INSIDE}/restore.ts`, { env: { NSCTL_LAB_PHASE: 'before' } })
    await node.reboot()
    await runInside(node, `${INSIDE}/restore.ts`, { env: { NSCTL_LAB_PHASE: 'after' } })
  }) as () => Promise<void>)
  test.run()
}
