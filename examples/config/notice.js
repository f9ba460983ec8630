// Shows a title from a variable and a text from a file, both out of Configs. The file is read again for each request.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'

createServer((_request, response) => {
  const text = readFileSync(join(process.env.CONFIG_PAGES, 'today.txt'), 'utf8')
  response.end(`${process.env.TITLE}\n${text}`)
}).listen(Number(process.env.PORT))

process.on('SIGTERM', () => process.exit(0))
