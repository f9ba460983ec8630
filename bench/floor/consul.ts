/**
 * The least that writing through Consul can be: a process that puts ready-made bodies of KV transactions, one after another.
 *
 *     node bench/floor/consul.ts HOST:PORT FILE      FILE is a JSON list of bodies
 */
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'

const [address, file] = process.argv.slice(2) as [string, string]
const [host, port] = address.split(':') as [string, string]
const agent = new Agent({ keepAlive: true })

function put(body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-length': body.length }
    const sent = request({ host, port, path: '/v1/txn', method: 'PUT', agent, headers }, (response) => {
      response.resume()
      response.on('end', () => {
        if (response.statusCode === 200) resolve()
        else reject(new Error(`answer ${response.statusCode}`))
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

for (const body of JSON.parse(readFileSync(file, 'utf8')) as readonly string[]) await put(Buffer.from(body))
agent.destroy()
