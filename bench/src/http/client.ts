import autocannon from 'autocannon'
import { readCast } from './cast.js'
import type { Load, Order } from './load.js'

// The client when there is no wrk, as a separate process: `client.js <order> <cast file>`. One line of JSON on
// stdout.

const [json, file] = process.argv.slice(2) as [string, string]
const { port, requests, connections, seconds } = JSON.parse(json) as Order
const all = readCast(file).requests[requests]
// autocannon builds every request for every connection, with the clock already running.
const some = all.filter((_, i) => i % Math.ceil(all.length / 100) === 0)
const result = await autocannon({
  url: `http://127.0.0.1:${port}`,
  connections,
  duration: seconds,
  requests: some.map(({ method, target, rawHeaders }) => ({
    method,
    path: target,
    headers: fold(rawHeaders),
  })),
})
const load: Load = {
  requests: result['2xx'] + result.non2xx,
  seconds: result.duration,
  p50: result.latency.p50,
  p99: result.latency.p99,
  failed: result.non2xx + result.errors,
}
process.stdout.write(JSON.stringify(load))

function fold(rawHeaders: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (let i = 0; i < rawHeaders.length; i += 2) {
    headers[rawHeaders[i] as string] = rawHeaders[i + 1] as string
  }
  return headers
}
