/**
 * Runs inside a node: makes a store file one of the layout before.
 *
 *     node former.ts FILE
 */
import { downgradeFile } from '../../store/previous-format.ts'

const [path = ''] = process.argv.slice(2)
await downgradeFile(path, '2.0')
