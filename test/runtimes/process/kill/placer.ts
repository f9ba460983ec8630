/** Places two versions of one material by turns until it is killed: STATE_DIR SHARED. */
import { layoutOf, makeLayout } from '../../../../src/runtimes/process/layout.ts'
import { ProcessMaterials } from '../../../../src/runtimes/process/materials.ts'
import { ID, version } from './placed.ts'

const [stateDir = '', shared = ''] = process.argv.slice(2)
const layout = layoutOf(stateDir)
makeLayout(layout)
const materials = new ProcessMaterials(layout, { env: {}, platform: 'linux', shared })
process.stdout.write('placing\n')
for (let round = 0; ; round++) materials.place(ID, version(round % 2 === 0 ? 'a' : 'b'))
