// Writes its arguments and environment into its storage, and stays.
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const file = join(process.env.STORAGE_DATA, 'echo.json')
writeFileSync(
  `${file}.part`,
  JSON.stringify({ args: process.argv.slice(2), env: process.env, cwd: process.cwd() }),
)
renameSync(`${file}.part`, file)
console.log('written')
setInterval(() => {}, 1000)
