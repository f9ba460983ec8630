// A small web server, as any program would be: it listens where $PORT says and ends when it is asked to.
import { createServer } from 'node:http'

const greeting = process.env.GREETING ?? 'hello'
const server = createServer((request, response) => {
  if (request.url === '/healthz') return response.end('ok\n')
  response.end(`${greeting} from process ${process.pid}\n`)
})

server.listen(Number(process.env.PORT), () => console.log(`listening on ${process.env.PORT}`))
process.on('SIGTERM', () => {
  console.log('ending')
  server.close()
  server.closeAllConnections()
})
