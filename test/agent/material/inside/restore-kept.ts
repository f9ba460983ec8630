/**
 * Run inside a node after a reboot, without store, daemon or control plane: what was kept under the node's key is enough to start what ran.
 * Prints what was started, as JSON.
 */
import { placeKept } from '../../../../src/agent/material/restore.ts'
import { systemClock } from '../../../../src/core/clock.ts'
import { createLogger } from '../../../../src/main/logger.ts'
import { nodeKeyOf } from '../../../../src/main/node-key.ts'
import { openRuntime } from '../../../../src/main/runtimes.ts'

const { env } = process
const stop = new AbortController()
const write = (line: string) => void process.stderr.write(line)
const logger = createLogger({ clock: systemClock, level: 'info', format: 'text', write })
const runtime = await openRuntime('systemd-system', { env, clock: systemClock, logger, signal: stop.signal })
const { keep } = nodeKeyOf('systemd-system', env, logger)
const restored = (await runtime.restore?.((id) => placeKept(id, { keep, runtime, logger }))) ?? []
console.log(JSON.stringify(restored.map(({ service }) => service).sort()))
stop.abort()
await runtime.close()
