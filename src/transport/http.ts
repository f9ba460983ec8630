/** Node’s HTTP, loaded when it is needed. */
import type * as http from 'node:http'

/**
 * node:http, loaded with the first call. `import('node:http')` reads all that it exports, WebSocket among it, and so has Node load its fetch
 * as well: 10 MB, and 8 ms of a short command.
 */
export function loadHttp(): typeof http {
  return process.getBuiltinModule('node:http')
}
