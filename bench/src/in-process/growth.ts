import { createKey, type Key, mintAuthToken, type SignedRequest, signRequest } from '../world.js'
import { type Agents, createAgents, floorBench, guardBench } from './benches.js'
import { createGuard, createServer, type Guard, guardOf } from './guard.js'
import { type Case, type PairOptions, runCases } from './pairs.js'

/** The cost of one request relative to one verification of the same base with the same keys, for growing inputs. */
export interface Growth {
  readonly components: Sizes
  /** By the token's length in bytes. */
  readonly token: Sizes
  readonly routes: Sizes
  /** For a token seen for the first time, by the number of keys that its issuer publishes. */
  readonly jwks: Sizes
  readonly agents: Sizes
}

/** By size; the first is the smallest. */
export type Sizes = Readonly<Record<string, number>>

interface Sized extends Case {
  readonly size: number
}

/** One kind of growth after the other, so that the memory of one does not slow the next. */
export async function runGrowth(options: PairOptions & { readonly agents: number }): Promise<Growth> {
  const issuer = createKey()
  const run = async (cases: readonly Promise<Sized>[]): Promise<Sizes> => {
    const sized = await Promise.all(cases)
    const figures = await runCases(sized, options)
    return Object.fromEntries(
      sized.map(({ bench, size }) => [size, figures.get(bench.name)?.ratio as number]),
    )
  }
  return {
    components: await run([4, 8, 14, 24].map((size) => components(issuer, size))),
    token: await run([0, 1000, 3000, 6000].map((more) => token(issuer, more))),
    routes: await run([1, 1000].map((size) => routes(issuer, size))),
    jwks: await run([1, 1000].map((size) => jwks(issuer, size))),
    agents: await run([100, options.agents].map((size) => warm(issuer, createAgents(issuer, size), size))),
  }
}

async function sized(size: number, cast: Agents, guard: Guard): Promise<Sized> {
  return {
    size,
    bench: guardBench(`size_${size}`, guard, cast.requests),
    floor: floorBench('floor', cast),
  }
}

async function warm(issuer: Key, cast: Agents, size: number): Promise<Sized> {
  const guard = createGuard([issuer], { verifiedTokens: 200_000 })
  for (const request of cast.requests) await guard(request)
  return sized(size, cast, guard)
}

function components(issuer: Key, size: number): Promise<Sized> {
  const headers = Array.from({ length: size - 4 }, (_, i): [string, string] => [`X-Field-${i}`, `value ${i}`])
  const covered = { headers, components: headers.map(([field]) => field.toLowerCase()) }
  return warm(
    issuer,
    signedWith(issuer, (jwt, key) => signRequest(jwt, key, covered)),
    size,
  )
}

function token(issuer: Key, more: number): Promise<Sized> {
  const cast = signedWith(issuer, signRequest, { note: 'x'.repeat(more * 0.75) })
  return warm(issuer, cast, (cast.tokens[0] as string).length)
}

function signedWith(issuer: Key, make: (jwt: string, key: Key) => SignedRequest, extra: object = {}): Agents {
  const keys = Array.from({ length: 20 }, () => createKey())
  const tokens = keys.map((key) => mintAuthToken(issuer, key, { extra }))
  return { keys, tokens, requests: tokens.map((jwt, i) => make(jwt, keys[i] as Key)) }
}

function routes(issuer: Key, size: number): Promise<Sized> {
  const server = createServer([issuer])
  const guards = Array.from({ length: size }, () => guardOf(server))
  let next = 0
  return sized(size, createAgents(issuer, 20), (request) => (guards[next++ % size] as Guard)(request))
}

function jwks(issuer: Key, size: number): Promise<Sized> {
  const others = Array.from({ length: size - 1 }, () => createKey())
  // More keys than an issuer may have by default.
  const limits = { keysPerSet: 1000, jwksMembers: 16_000, jwksBytes: 2 ** 20, newcomerBytes: 2 ** 26 }
  const guard = createGuard([...others, issuer], { verifiedTokens: 1, issuers: { limits } })
  return sized(size, createAgents(issuer, 400), guard)
}
