// Writes its own life into the storage of its ordinal, so that a test can judge what nsctl did to it: `start`, `beat` and `end`
// lines with its pid, its version and the machine's monotonic clock, each written before the next is begun.
import { appendFileSync } from 'node:fs'

const file = `${process.env.STORAGE_DATA}/life.log`
const version = process.env.VERSION
let beats = 0

function write(what) {
  appendFileSync(file, `${what} ${process.pid} ${version} ${beats} ${process.hrtime.bigint() / 1000n}\n`)
}

write('start')
setInterval(() => {
  beats++
  write('beat')
  console.log(`beat ${process.pid} ${beats}`)
}, 20)
process.on('SIGTERM', () => {
  write('end')
  process.exit(0)
})
