// Knows the user it logs in to its database as, and says so; the password it keeps to itself.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'

const credential = (name) => readFileSync(join(process.env.CREDENTIALS_DIRECTORY, name), 'utf8')
const user = credential('shop-db.user')
const password = credential('shop-db.password')

createServer((_request, response) => {
  response.end(`${user} logs in with ${password === '' ? 'no' : 'a'} password\n`)
}).listen(Number(process.env.PORT))

process.on('SIGTERM', () => process.exit(0))
