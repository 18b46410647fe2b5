import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { quantile } from '../statistics.js'
import { unsigned } from '../world.js'
import { readCast } from './cast.js'
import type { Load, Order } from './load.js'
import { createStrangers } from './strangers.js'
import { wireText } from './wire-text.js'

// Load that does not wait for the server, as a separate process: `open-client.js <order> <cast file>`. Requests
// arrive as in a Poisson process, and latency counts from when a request was due, even if it could not be sent then
// because all connections were waiting or the timer was late. One in twenty is for /health. One line of JSON on
// stdout.

const [json, file] = process.argv.slice(2) as [string, string]
const { port, requests, seconds, rate = 1, strangers: share = 0 } = JSON.parse(json) as Order

interface Arrival {
  /** When it was due, in milliseconds. */
  readonly due: number
  readonly kind: 'guarded' | 'bystander' | 'stranger'
  /** Whether it should be served. */
  readonly served: boolean
}

const cast = readCast(file)
const texts = cast.requests[requests].map(wireText)
// A few more than expected, because the number is random.
const strangers = createStrangers(cast.issuer, Math.ceil(1.2 * share * rate * seconds)).map(
  ({ request, served }) => ({ text: wireText(request), served }),
)
const health = wireText({ ...unsigned, target: '/health' })
const most = 256
/** Milliseconds by which the answer to the last request should have arrived. */
const grace = 5000

const idle: Socket[] = []
const waiting: (Arrival & { readonly text: string })[] = []
const latencies: Record<Arrival['kind'], number[]> = { guarded: [], bystander: [], stranger: [] }
let sent = 0
let sentByStrangers = 0
let failed = 0

const current = new Map<Socket, Arrival>()
const sockets = await Promise.all(Array.from({ length: most }, open))
idle.push(...sockets)
const began = performance.now()
const end = began + seconds * 1000
let due = began
tick()

async function open(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setNoDelay().setEncoding('latin1')
  await once(socket, 'connect')
  let received = ''
  socket.on('data', (text: string) => {
    received += text
    const body = received.indexOf('\r\n\r\n') + 4
    if (body < 4) return
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(received)?.[1])
    if (received.length < body + length) return
    answered(socket, received.startsWith('HTTP/1.1 200'))
    received = ''
  })
  return socket
}

function tick(): void {
  const now = performance.now()
  for (; due <= now && due < end; due -= (Math.log(1 - Math.random()) / rate) * 1000) {
    waiting.push(arrivalAt(due))
  }
  flush()
  const left = waiting.length + current.size
  if (now >= end && (left === 0 || now >= end + grace)) finish(left)
  else setTimeout(tick, 1)
}

function arrivalAt(at: number): Arrival & { readonly text: string } {
  if (Math.random() < 0.05) return { due: at, kind: 'bystander', served: true, text: health }
  const stranger = Math.random() < share ? strangers[sentByStrangers++] : undefined
  return stranger === undefined
    ? { due: at, kind: 'guarded', served: true, text: texts[sent++ % texts.length] as string }
    : { due: at, kind: 'stranger', ...stranger }
}

function flush(): void {
  while (waiting.length > 0) {
    const socket = idle.pop()
    if (socket === undefined) return
    const arrival = waiting.shift() as (typeof waiting)[number]
    current.set(socket, arrival)
    socket.write(arrival.text)
  }
}

function answered(socket: Socket, served: boolean): void {
  const arrival = current.get(socket) as Arrival
  latencies[arrival.kind].push(performance.now() - arrival.due)
  if (served !== arrival.served) failed++
  current.delete(socket)
  idle.push(socket)
  flush()
}

function finish(unanswered: number): void {
  const { guarded, bystander, stranger } = latencies
  const load: Load = {
    requests: guarded.length + bystander.length + stranger.length,
    seconds,
    p50: quantile(guarded, 0.5),
    p99: quantile(guarded, 0.99),
    bystanderP99: quantile(bystander, 0.99),
    failed: failed + unanswered,
  }
  process.stdout.write(JSON.stringify(load), () => process.exit(0))
}
