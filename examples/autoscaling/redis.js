// As much of Redis' protocol as the example needs, so that it needs no package.
import { connect } from 'node:net'

/** A connection on which one command is asked after the other. */
export function redis(address) {
  const [host, port] = address.split(':')
  const socket = connect({ host, port: Number(port) })
  const waiting = []
  let received = Buffer.alloc(0)
  socket.on('data', (data) => {
    received = Buffer.concat([received, data])
    for (let reply = read(received, 0); reply !== undefined; reply = read(received, 0)) {
      received = received.subarray(reply.end)
      waiting.shift()?.resolve(reply.value)
    }
  })
  const fail = (error) => {
    for (const one of waiting.splice(0)) one.reject(error)
  }
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the connection has ended')))
  return {
    ask(...words) {
      const parts = words.map((word) => `$${Buffer.byteLength(String(word))}\r\n${word}\r\n`)
      socket.write(`*${words.length}\r\n${parts.join('')}`)
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
    },
    close: () => socket.destroy(),
  }
}

/** The reply that begins at `at`, and where it ends; undefined while it is not whole. */
function read(buffer, at) {
  const lineEnd = buffer.indexOf('\r\n', at)
  if (lineEnd < 0) return undefined
  const line = buffer.toString('utf8', at + 1, lineEnd)
  const end = lineEnd + 2
  switch (String.fromCharCode(buffer[at])) {
    case '$': {
      const length = Number(line)
      if (length < 0) return { value: null, end }
      if (buffer.length < end + length + 2) return undefined
      return { value: buffer.toString('utf8', end, end + length), end: end + length + 2 }
    }
    case '*': {
      const items = []
      let next = end
      for (let index = 0; index < Number(line); index++) {
        const item = read(buffer, next)
        if (item === undefined) return undefined
        items.push(item.value)
        next = item.end
      }
      return { value: Number(line) < 0 ? null : items, end: next }
    }
    case ':':
      return { value: Number(line), end }
    default:
      return { value: line, end }
  }
}
