// A web service that uses what hardening tends to break. GET / answers with what worked.
import { execFileSync } from 'node:child_process'
import { lookup } from 'node:dns/promises'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { cpus, networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

async function attempt(what) {
  try {
    return await what()
  } catch (error) {
    return `failed: ${error.message}`
  }
}

const report = {
  dns: await attempt(async () => (await lookup('localhost')).address.length > 0),
  worker: await attempt(
    () =>
      new Promise((resolve, reject) => {
        const worker = new Worker('require("worker_threads").parentPort.postMessage(6 * 7)', { eval: true })
        worker.once('message', resolve)
        worker.once('error', reject)
      }),
  ),
  child: await attempt(() => execFileSync('/bin/sh', ['-c', 'echo child']).toString().trim()),
  interfaces: await attempt(() => Object.keys(networkInterfaces()).length > 0),
  cpus: await attempt(() => cpus().length > 0),
  wasm: await attempt(() => WebAssembly.validate(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))),
  temporary: await attempt(() => {
    writeFileSync(join(mkdtempSync(join(tmpdir(), 'web-')), 'x'), 'x')
    return true
  }),
  home: await attempt(() => {
    writeFileSync('/etc/nsctl-was-here', 'x')
    return 'could write /etc'
  }),
  uid: process.getuid(),
}

const server = createServer((_, response) => response.end(JSON.stringify(report)))
server.on('error', (error) => console.log(`listen: ${error.code}`))
if (process.env.PORT) server.listen(Number(process.env.PORT), '127.0.0.1', () => console.log('listening'))
console.log(`report ${JSON.stringify(report)}`)
setInterval(() => {}, 1000)
