// Every POST adds a line to a file in the service's storage; every GET reads it.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'

const book = join(process.env.STORAGE_BOOK, 'book.txt')

const server = createServer((request, response) => {
  if (request.method !== 'POST') return response.end(existsSync(book) ? readFileSync(book) : '')
  let line = ''
  request.on('data', (data) => {
    line += data
  })
  request.on('end', () => {
    appendFileSync(book, `${line.trim()}\n`)
    response.end('thank you\n')
  })
})

server.listen(Number(process.env.PORT))
process.on('SIGTERM', () => {
  server.close()
  server.closeAllConnections()
})
