// node --expose-gc bench/dist/store.js — the cost of the state: operations a second and bytes per entry, in memory
// and in a separate Redis on this machine (omitted if there is no redis-server).
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpus } from 'node:os'
import { createMemoryStore, createResourceServer } from '@countersign/core'
import { createRedisStore } from '@countersign/redis'
import getPort from 'get-port'
import { Redis } from 'ioredis'
import { createClient } from 'redis'

const entries = 100_000
// A busy machine makes figures worse, but ends nothing.
const timeout = 10_000
const row = (name: string, ...cells: readonly (string | number)[]): void =>
  console.log(name.padEnd(44), ...cells.map((cell) => String(cell).padStart(14)))
const perSecond = (operations: number, ms: number): string =>
  Math.round((operations / ms) * 1000).toLocaleString('en')

console.log(`${cpus()[0]?.model} x ${cpus().length}, Node ${process.version}`)
// Like the keys in the store: a word and a SHA-256 in base64url.
const keyOf = (index: number): string =>
  `revoked:${createHash('sha256').update(String(index)).digest('base64url')}`
const keys = Array.from({ length: entries }, (_, index) => keyOf(index))

const marks = ['deny:mark', 'revoked:mark']

row('memory store', 'ops/s')
{
  const before = heap()
  const store = createMemoryStore({ maxEntries: entries })
  // Separate keys, so that their memory counts.
  for (let index = 0; index < entries; index++) store.claim(keyOf(index), '1', 3600 + (index % 600))
  const held = Math.round((heap() - before) / entries)
  const others = createMemoryStore({ maxEntries: entries })
  row(
    '  claim',
    timed((key) => others.claim(key, '1', 3600)),
  )
  row(
    '  get, there',
    timed((key) => store.get(key)),
  )
  row('  bytes an entry (heap, key included)', held)
}

row('checks of one request, in memory', 'us')
{
  const server = createResourceServer({ resource: 'https://rs.example' })
  const token = { iss: 'https://ps.example', jti: 'a-token-of-an-hour' }
  row(
    '  is the token revoked',
    micros(() => server.revocations.has(token)),
  )
  server.close()
}

const binary = ['redis-server', 'valkey-server'].find((name) => spawnSync(name, ['--version']).status === 0)
if (binary === undefined) console.log('no redis-server: the rest is left out')
else await withRedis(binary)

async function withRedis(name: string): Promise<void> {
  const port = await getPort({ host: '127.0.0.1' })
  const child = spawn(
    name,
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  await ready(child)
  const url = `redis://127.0.0.1:${port}`
  const one = createClient({ url })
  const two = new Redis(url)
  await one.connect()
  for (const [client, store] of [
    ['redis 6', createRedisStore(one, { prefix: 'one:', timeout })],
    ['ioredis', createRedisStore(two, { prefix: 'two:', timeout })],
  ] as const) {
    row(`Redis, through ${client}`, 'ops/s', 'p50 ms', 'p99 ms', 'CPU us/op')
    const before = await usedMemory(two)
    await load('claim, 64 at once', (key) => store.claim(key, '1', 3600))
    const after = await usedMemory(two)
    await load('get, 64 at once', (key) => store.get(key))
    await load('get, one at a time', (key) => store.get(key), 1, 10_000)
    // The read for all requests of a turn: the next read waits for this one.
    const { getMany } = store
    if (getMany !== undefined)
      await load('both marks and the epoch, one at a time', () => getMany(marks), 1, 20_000)
    row('  bytes an entry (used_memory, key included)', Math.round((after - before) / entries))
  }
  one.destroy()
  two.disconnect()
  child.kill()
}

async function load(
  name: string,
  operation: (key: string) => unknown,
  atOnce = 64,
  count = entries,
): Promise<void> {
  const latencies: number[] = []
  let next = 0
  const cpu = process.cpuUsage()
  const start = performance.now()
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < count) {
        const key = keys[next++] as string
        const begun = performance.now()
        await operation(key)
        latencies.push(performance.now() - begun)
      }
    }),
  )
  const ms = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  latencies.sort((a, b) => a - b)
  const at = (share: number): string => (latencies[Math.floor(latencies.length * share)] as number).toFixed(2)
  row(`  ${name}`, perSecond(count, ms), at(0.5), at(0.99), ((user + system) / count).toFixed(1))
}

function timed(work: (key: string) => unknown): string {
  const start = performance.now()
  for (const key of keys) work(key)
  return perSecond(entries, performance.now() - start)
}

function micros(work: () => unknown): string {
  const times = 500_000
  for (let index = 0; index < times / 10; index++) work()
  const start = performance.now()
  for (let index = 0; index < times; index++) work()
  return (((performance.now() - start) / times) * 1000).toFixed(2)
}

function heap(): number {
  for (let times = 0; times < 3; times++) globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

async function usedMemory(client: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1])
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('Ready to accept')) resolve()
    })
  })
}
