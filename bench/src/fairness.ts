import { createIssuerCache, type IssuerFetch, type IssuerKeys } from '@countersign/core/issuer'
import { createKey } from './world.js'

// A day of honest issuers among hostile domains, in simulated time: the clock advances by a second once everything
// that can happen in that second has happened. The code of the issuers' keys is real; only `fetch` is simulated.

/** The issuers, and for how long. */
export interface Crowd {
  readonly name: string
  readonly domains: number
  /** Requests of each domain per minute. */
  readonly perMinute: number
  /** The behaviour of the hostile hosts; the domains take turns. */
  readonly behaviours: readonly Behaviour[]
  /** Issuers of each domain, used in turn; if absent, every request names another. */
  readonly issuers?: number
  /** Clients that send all hostile requests, if the server knows clients. */
  readonly clients?: number
  /** Limit on the duration, in seconds. */
  readonly longest?: number
}

/**
 * `absent`: the host does not exist. `hangs`: it does not answer. `verifies`: an issuer like any other, whose tokens
 * verify.
 */
export type Behaviour = 'absent' | 'hangs' | 'verifies'

export interface Fairness {
  readonly name: string
  /**
   * Shares of the first requests of honest issuers: served at once, and served at the latest at the next request a
   * minute later.
   */
  readonly first: number
  readonly firstOrSecond: number
  /** The share of all requests of issuers that had been served before. */
  readonly known: number
  /** The share of those that did not wait, because the key was in memory. */
  readonly atOnce: number
  /** Hostile issuers that were fetched. */
  readonly fetched: number
  /** MB of heap after garbage collection, at each eighth of the time. */
  readonly heap: readonly number[]
}

export interface Extent {
  readonly honest: number
  /** Seconds. */
  readonly lasts: number
}

const dwk = 'aauth-person.json'
const jwk = createKey('Ed25519', 'k1').publicJwk
const nobody = Object.assign(new Error('nobody'), { code: 'ENOTFOUND' })

/** A simulated internet; a request that hangs ends when it is aborted, or after 5 s of simulated time. */
class Internet {
  now = 1_800_000_000_000
  readonly #waiting: { readonly at: number; readonly end: () => void }[] = []
  fetched = 0
  readonly #behaviours: readonly Behaviour[]

  constructor(behaviours: readonly Behaviour[]) {
    this.#behaviours = behaviours
  }

  readonly fetch: IssuerFetch = (url) => {
    const { origin, host, pathname } = new URL(url)
    const domain = /\.evil-(\d+)\.example$/.exec(host)?.[1]
    if (domain !== undefined && pathname !== '/jwks') this.fetched++
    const behaviour = domain === undefined ? 'verifies' : this.behaviourOf(Number(domain))
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(nobody)
      if (behaviour === 'absent') fail()
      else if (behaviour === 'hangs') this.#waiting.push({ at: this.now + 5000, end: fail })
      else {
        const document =
          pathname === '/jwks' ? { keys: [jwk] } : { issuer: origin, jwks_uri: `${origin}/jwks` }
        this.#waiting.push({ at: this.now + 1000, end: () => resolve(answer(document)) })
      }
    })
  }

  behaviourOf(domain: number): Behaviour {
    return this.#behaviours[domain % this.#behaviours.length] as Behaviour
  }

  /** Lets a second pass. */
  async pass(): Promise<void> {
    this.now += 1000
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      const { at, end } = this.#waiting[i] as { at: number; end: () => void }
      if (at > this.now) continue
      this.#waiting.splice(i, 1)
      end()
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function answer(document: object): Awaited<ReturnType<IssuerFetch>> {
  let left: Uint8Array | undefined = Buffer.from(JSON.stringify(document))
  const cancel = (): Promise<void> => Promise.resolve()
  const read = (): Promise<{ done: boolean; value: Uint8Array | undefined }> => {
    const value = left
    left = undefined
    return Promise.resolve({ done: value === undefined, value })
  }
  const headers = {
    get: (name: string) => (name.toLowerCase() === 'content-type' ? 'application/json' : null),
  }
  return Promise.resolve({
    status: 200,
    redirected: false,
    headers,
    body: { getReader: () => ({ read, cancel }), cancel },
  }) as never as Awaited<ReturnType<IssuerFetch>>
}

/** One honest issuer: the result of its first request, and of those after it had been served once. */
interface Honest {
  readonly issuer: string
  /** Seconds after the beginning. */
  readonly comes: number
  asked: number
  first?: boolean
  second?: boolean
  isKnown: boolean
}

/** The requests of issuers that had been served before. */
interface Known {
  asked: number
  served: number
  atOnce: number
}

/** Runs the simulation. */
export async function live(crowd: Crowd, { honest: many, lasts }: Extent): Promise<Fairness> {
  const internet = new Internet(crowd.behaviours)
  let sweep = (): void => {}
  const { clients } = crowd
  const keys = createIssuerCache(
    clients === undefined ? {} : { clientAddress: ({ path }) => path.slice(1) },
    {
      clock: () => internet.now,
      random: randomFrom(1),
      report: () => {},
      fetch: internet.fetch,
      every: (_ms, run) => {
        sweep = run
        return () => {}
      },
    },
  )
  // The first at the start, the last after seven eighths.
  const honest: Honest[] = Array.from({ length: many }, (_, i) => ({
    issuer: `https://ps.honest-${i}.example`,
    comes: Math.floor((i * lasts * 7) / 8 / many),
    asked: 0,
    isKnown: false,
  }))
  const turns: Honest[][] = Array.from({ length: 60 }, () => [])
  for (const one of honest) turns[one.comes % 60]?.push(one)
  const known: Known = { asked: 0, served: 0, atOnce: 0 }
  const heap: number[] = []
  const storm = new Storm(crowd, keys, internet)
  for (let second = 0; second < lasts; second++) {
    // The hostile requests come first.
    storm.blow()
    for (const one of turns[second % 60] ?? []) if (second >= one.comes) ask(keys, one, known)
    if (second % 15 === 0) sweep()
    await internet.pass()
    if ((second + 1) % Math.floor(lasts / 8) === 0) heap.push(heapUsed())
  }
  for (let second = 0; second < 10; second++) await internet.pass()
  keys.close()
  const share = (of: (one: Honest) => boolean): number => honest.filter(of).length / many
  return {
    name: crowd.name,
    first: share(({ first }) => first === true),
    firstOrSecond: share(({ first, second }) => first === true || second === true),
    known: known.asked === 0 ? 1 : known.served / known.asked,
    atOnce: known.asked === 0 ? 1 : known.atOnce / known.asked,
    fetched: internet.fetched,
    heap,
  }
}

function ask(keys: IssuerKeys, one: Honest, known: Known): void {
  const { isKnown, issuer } = one
  const time = one.asked++
  if (isKnown) known.asked++
  const query = { issuer, dwk, kid: 'k1' }
  const end = (served: boolean): void => {
    if (time === 0) one.first = served
    if (time === 1) one.second = served
    if (!served) return
    if (isKnown) known.served++
    one.isKnown = true
  }
  if (keys.peek(query) !== undefined) {
    if (isKnown) known.atOnce++
    end(true)
  } else
    void Promise.resolve(keys.find(query, from('192.0.2.1'))).then((found) => {
      const served = 'jkt' in found
      if (served) keys.admit(issuer, dwk)
      end(served)
    })
}

/** The requests of the hostile domains, spread over each minute. */
class Storm {
  readonly #crowd: Crowd
  readonly #keys: IssuerKeys
  readonly #internet: Internet
  #made = 0
  #due = 0

  constructor(crowd: Crowd, keys: IssuerKeys, internet: Internet) {
    this.#crowd = crowd
    this.#keys = keys
    this.#internet = internet
  }

  blow(): void {
    const { domains, perMinute } = this.#crowd
    this.#due += (domains * perMinute) / 60
    for (; this.#due >= 1; this.#due--) void this.#ask(this.#made++)
  }

  async #ask(index: number): Promise<void> {
    const { domains, issuers = Number.POSITIVE_INFINITY } = this.#crowd
    const domain = index % domains
    const issuer = `https://i${Math.floor(index / domains) % issuers}.evil-${domain}.example`
    const client = from(`198.51.100.${index % (this.#crowd.clients ?? 1)}`)
    const found = await this.#keys.find({ issuer, dwk, kid: 'k1' }, client)
    if ('jkt' in found && this.#internet.behaviourOf(domain) === 'verifies') this.#keys.admit(issuer, dwk)
  }
}

/** A request of a client. */
const from = (address: string) => ({ method: 'GET', target: `/${address}`, rawHeaders: [] })

function heapUsed(): number {
  for (let i = 0; i < 3; i++) globalThis.gc?.()
  return process.memoryUsage().heapUsed / 1e6
}

/** The same numbers every time (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
