// Takes one job after the other and needs 200 ms for each. Told to end, it finishes the one that it has.
import { redis } from './redis.js'

const WORK_MS = 200
const { ask, close } = redis(process.env.REDIS_ADDRESS)
let ends = false
process.on('SIGTERM', () => {
  ends = true
})

while (!ends) {
  // waits in short turns, so that it hears when it is to end and loses no job
  const job = await ask('LPOP', 'jobs')
  if (job !== null) {
    await new Promise((resolve) => setTimeout(resolve, WORK_MS))
    await ask('INCR', 'done')
  } else await new Promise((resolve) => setTimeout(resolve, 50))
}
close()
