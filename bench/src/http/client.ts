import autocannon from 'autocannon'
import { readCast } from './cast.js'
import type { Load } from './load.js'

// The load when there is no wrk, in a process of its own: `client.js <port> <signed|bearer> <seconds> <connections>
// <cast file>`. One line of JSON on stdout.

const [port, credentials, seconds, connections, file] = process.argv.slice(2) as [
  string,
  'signed' | 'bearer',
  string,
  string,
  string,
]
const cast = readCast(file)
const requests =
  credentials === 'signed'
    ? cast.signed.map(({ method, target, rawHeaders }) => ({
        method,
        path: target,
        headers: fold(rawHeaders),
      }))
    : cast.bearers.map((token) => ({
        method: 'GET',
        path: '/data?item=bread',
        headers: { Authorization: `Bearer ${token}` },
      }))
const result = await autocannon({
  url: `http://127.0.0.1:${port}`,
  connections: Number(connections),
  duration: Number(seconds),
  requests,
})
const load: Load = {
  requests: result.requests.total,
  seconds: result.duration,
  p50: result.latency.p50,
  p99: result.latency.p99,
  failed: result.non2xx + result.errors,
}
process.stdout.write(JSON.stringify(load))

function fold(rawHeaders: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (let i = 0; i < rawHeaders.length; i += 2)
    headers[rawHeaders[i] as string] = rawHeaders[i + 1] as string
  return headers
}
