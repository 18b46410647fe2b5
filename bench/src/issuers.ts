import { createResourceServer, type ResourceServer } from '@countersign/core'
import { createKey, resource } from './world.js'

// The cost of issuers' keys: memory with many issuers, and time while one of them hangs. Run with --expose-gc.

type Issuers = ResourceServer['issuers']
type Fetch = (url: string) => Promise<Response>

const dwk = 'aauth-person.json'
const many = 10_000
const nothing = (): void => {}

/** Keys of issuers that answer from memory; the clock stands still unless it is moved. */
function createIssuers(fetch: Fetch, limits: object): { issuers: Issuers; pass(ms: number): void } {
  let now = 1_800_000_000_000
  const { issuers } = createResourceServer({ resource, fetch, clock: () => now, issuers: { limits } })
  return {
    issuers,
    pass(ms) {
      now += ms
    },
  }
}

/** An honest issuer's documents: about a kilobyte of metadata and two keys. */
function honest(url: string): Promise<Response> {
  const { origin, pathname } = new URL(url)
  if (pathname === '/jwks') return Promise.resolve(Response.json({ keys: [jwk, { ...jwk, kid: 'k2' }] }))
  const endpoints = ['auth_token', 'person_token', 'mission', 'revocation', 'interaction', 'authorization']
  const urls = endpoints.map((name) => [`${name}_endpoint`, `${origin}/aauth/${name}`])
  const scopes = {
    scopes_supported: ['openid', 'profile', 'email'],
    scope_descriptions: { openid: 'x'.repeat(300) },
  }
  return Promise.resolve(
    Response.json({ issuer: origin, jwks_uri: `${origin}/jwks`, ...Object.fromEntries(urls), ...scopes }),
  )
}

/** A hostile issuer's documents: as large as allowed. */
function hostile(url: string): Promise<Response> {
  const { origin, pathname } = new URL(url)
  const keys = Array.from({ length: 1000 }, (_, i) => ({ ...jwk, kid: `k${i}`, x5c: 'x'.repeat(80) }))
  const junk = Array.from({ length: 700 }, (_, i) => [`member_${i}`, { a: [i] }])
  return Promise.resolve(
    Response.json(
      pathname === '/jwks'
        ? { keys }
        : { issuer: origin, jwks_uri: `${origin}/jwks`, ...Object.fromEntries(junk) },
    ),
  )
}

const jwk = createKey('Ed25519', 'k1').publicJwk
const query = (i: number, kid = 'k1') => ({ issuer: `https://ps${i}.example`, dwk, kid })

function heap(): number {
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc')
  for (let i = 0; i < 4; i++) globalThis.gc()
  return process.memoryUsage().heapUsed
}

async function memory(): Promise<void> {
  const roomy = { newcomersPerMinute: many, newcomers: 2 * many }
  const { issuers } = createIssuers(honest, roomy)
  const before = heap()
  for (let i = 0; i < many; i++) {
    await issuers.find(query(i))
    issuers.admit(query(i).issuer, dwk)
  }
  const used = heap() - before
  const { admitted, bytes } = issuers.inspect(0)
  line('admitted issuers', admitted)
  line('  documents, MB', mb(bytes))
  line('  heap, MB', mb(used))
  line('  heap per issuer, kB', (used / admitted / 1000).toFixed(1))
  timePeek(issuers)
  issuers.close()
}

function timePeek(issuers: Issuers): void {
  const queries = Array.from({ length: many }, (_, i) => query(i))
  const same = queries.map(() => queries[0] as (typeof queries)[number])
  for (const [name, asked] of [
    ['  peek, ns, all issuers in turn', queries],
    ['  peek, ns, one issuer', same],
  ] as const) {
    const times = Array.from({ length: 20 }, () => {
      const began = process.hrtime.bigint()
      for (const one of asked) issuers.peek(one)
      return Number(process.hrtime.bigint() - began) / many
    })
    line(name, (times.sort((a, b) => a - b)[10] as number).toFixed(0))
  }
}

async function storm(): Promise<void> {
  const { issuers, pass } = createIssuers(hostile, {})
  const before = heap()
  for (let minute = 0; minute < 5; minute++) {
    await Promise.all(Array.from({ length: 2000 }, (_, i) => issuers.find(query(minute * 2000 + i))))
    pass(60_000)
  }
  const used = heap() - before
  const { newcomers, bytes, counts } = issuers.inspect(0)
  line('10,000 hostile issuers in 5 minutes: held', newcomers)
  line('  fetches', counts.fetches.metadata + counts.fetches.jwks)
  line('  turned away', counts.answers.busy)
  line('  documents, MB', mb(bytes))
  line('  heap, MB', mb(used))
  issuers.close()
}

async function hang(): Promise<void> {
  let fetch: Fetch = honest
  const { issuers, pass } = createIssuers((url) => fetch(url), { timeout: 200 })
  await issuers.find(query(1))
  issuers.admit(query(1).issuer, dwk)
  report('warm request, issuer well', await waits(issuers, nothing))
  fetch = () => new Promise(nothing)
  // The clock advances by a second for every request: 1000 s, so past the refresh, the lifetime and the failures.
  report('warm request, issuer hanging', await waits(issuers, () => pass(1000)))
  issuers.close()
}

/** Microseconds that each of a thousand requests waits for its key, a millisecond apart. */
async function waits(issuers: Issuers, next: () => void): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < 1000; i++) {
    const began = process.hrtime.bigint()
    const key = issuers.peek(query(1)) ?? (await issuers.find(query(1)))
    times.push(Number(process.hrtime.bigint() - began) / 1000)
    if (!('jkt' in key)) throw new Error('the warm issuer’s key was not served')
    next()
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  return times.sort((a, b) => a - b)
}

function report(name: string, sorted: readonly number[]): void {
  const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] as number).toFixed(1)
  line(`${name}: µs p50 / p99 / max`, `${at(0.5)} / ${at(0.99)} / ${at(1)}`)
}

const mb = (bytes: number): string => (bytes / 1e6).toFixed(1)
const line = (name: string, value: number | string): void =>
  console.log(name.padEnd(48), String(value).padStart(20))

console.log(`node ${process.version}, ${process.platform} ${process.arch}`)
await memory()
await storm()
await hang()
