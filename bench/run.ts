/**
 * The benchmarks: ratios within one run, as a table and as JSON under bench/results/.
 *
 *     npm run bench              all of them
 *     npm run bench -- cold apply
 *
 * Exits 1 where a goal is missed. What a machine has not got (root, Debian's packages for peers) is left out and said.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { benchAgent } from './agent.ts'
import { benchApply } from './apply.ts'
import { benchCold } from './cold.ts'
import { benchConsul } from './consul.ts'
import { benchDaemon } from './daemon.ts'
import { benchDecide } from './decide.ts'
import { benchFailover } from './failover.ts'
import { printRows, type Row } from './measure.ts'
import { benchPlacement } from './placement.ts'
import { benchRollout } from './rollout.ts'
import { benchScaling } from './scaling.ts'
import { benchScrape } from './scrape.ts'
import { benchSecrets } from './secrets.ts'
import { benchSsh } from './ssh.ts'
import { benchSystemd } from './systemd.ts'
import { benchSystemdMaterials } from './systemd-materials.ts'
import { benchWatch } from './watch.ts'

const root = join(import.meta.dirname, '..')
const nsctl = join(root, 'bin/nsctl')

/** kubectl 1.20 and consul 1.8, where they can be had. */
function peers(): { readonly kubectl?: string; readonly consul?: string } {
  const { status, stdout, stderr } = spawnSync('sh', [join(import.meta.dirname, 'peers.sh')], {
    encoding: 'utf8',
  })
  if (status !== 0) {
    console.log(`left out: comparisons with kubectl and consul (${stderr.trim() || 'no apt here'})`)
    return {}
  }
  const folder = stdout.trim()
  return { kubectl: join(folder, 'kubectl'), consul: join(folder, 'consul') }
}

const { kubectl, consul } = peers()

const BENCHES: Readonly<Record<string, () => Promise<readonly Row[]> | readonly Row[]>> = {
  cold: () => benchCold(nsctl, kubectl),
  apply: () => benchApply(nsctl, consul),
  watch: benchWatch,
  consul: () => benchConsul(nsctl),
  decide: benchDecide,
  placement: benchPlacement,
  secrets: () => benchSecrets(nsctl),
  scaling: () => benchScaling(nsctl),
  systemd: benchSystemd,
  materials: benchSystemdMaterials,
  rollout: benchRollout,
  failover: benchFailover,
  ssh: benchSsh,
  daemon: () => benchDaemon(nsctl),
  agent: benchAgent,
  scrape: benchScrape,
}

const asked = process.argv.slice(2)
const unknown = asked.find((name) => BENCHES[name] === undefined)
if (unknown !== undefined) {
  console.error(`error: no benchmark is called ${unknown}. There are: ${Object.keys(BENCHES).join(', ')}`)
  process.exit(2)
}
if (!existsSync(join(root, 'dist/bundle.cjs'))) {
  console.error('error: nsctl is not built. Run npm run build')
  process.exit(2)
}

const rows: Row[] = []
for (const name of asked.length > 0 ? asked : Object.keys(BENCHES)) rows.push(...(await BENCHES[name]!()))
const met = printRows(rows)
const folder = join(import.meta.dirname, 'results')
mkdirSync(folder, { recursive: true })
const file = join(folder, `${new Date().toISOString().replaceAll(':', '-')}.json`)
writeFileSync(
  file,
  `${JSON.stringify({ node: process.version, platform: process.platform, rows }, null, 2)}\n`,
)
console.log(`written to ${file}`)
process.exit(met ? 0 : 1)
