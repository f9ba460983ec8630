// Opens to who knows the password, which it reads from a Secret. It never says what it is.
import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'

const digest = (text) => createHash('sha256').update(text).digest()
const expected = digest(readFileSync(join(process.env.CREDENTIALS_DIRECTORY, 'door.password')))

createServer((request, response) => {
  const [, encoded = ''] = (request.headers.authorization ?? '').split('Basic ')
  const [, ...said] = Buffer.from(encoded, 'base64').toString().split(':')
  const isWelcome = request.url === '/healthz' || timingSafeEqual(digest(said.join(':')), expected)
  response.writeHead(isWelcome ? 200 : 401, isWelcome ? {} : { 'www-authenticate': 'Basic' })
  response.end(isWelcome ? 'come in\n' : 'who is there?\n')
}).listen(Number(process.env.PORT))

process.on('SIGTERM', () => process.exit(0))
