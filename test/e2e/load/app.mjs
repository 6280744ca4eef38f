// A web application with all that a balancer can break: requests that must not be repeated, slow ones, WebSockets, event streams. It ends
// politely: what is open is told, what is answered is answered to its end.
import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { hostname } from 'node:os'
import { WebSocketServer } from 'ws'

const SLOW_MS = 5_000
const EVENT_MS = 500
const name = `${process.env.VERSION} ${hostname()}`
const streams = new Set()

const server = createServer((request, response) => {
  request.resume()
  const path = new URL(request.url, 'http://app').pathname
  if (path === '/healthz') response.writeHead(process.env.BEHAVIOUR === 'unhealthy' ? 503 : 200).end()
  else if (path === '/events') stream(response)
  else if (path === '/slow') setTimeout(() => response.end(name), SLOW_MS)
  else {
    // One line is one write: nothing of two replicas mixes.
    if (request.method === 'POST') appendFileSync('/posts/log', `${request.headers['x-key']}\n`)
    response.end(name)
  }
})

function stream(response) {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(`data: ${name}\n\n`)
  const timer = setInterval(() => response.write(`data: ${name}\n\n`), EVENT_MS)
  streams.add(response)
  response.on('close', () => {
    clearInterval(timer)
    streams.delete(response)
  })
}

const sockets = new WebSocketServer({ server, path: '/socket' })
sockets.on('connection', (socket) => socket.on('message', (text) => socket.send(`${text}`)))

process.on('SIGTERM', () => {
  server.close(() => process.exit(0))
  for (const socket of sockets.clients) socket.close(1001, 'bye')
  for (const response of streams) response.end('event: bye\ndata: bye\n\n')
  server.closeIdleConnections()
})
server.keepAliveTimeout = 60_000
server.listen(8080)
