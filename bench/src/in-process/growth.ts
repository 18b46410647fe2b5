import type { ResourceServer } from '@countersign/core'
import { createKey, type Key, mintAuthToken, type SignedRequest, signRequest } from '../world.js'
import { type Agents, createAgents, floorBench, guardBench } from './cases.js'
import { createGuard, createServer, guardOf } from './guard.js'
import { type AnyBench, type RoundOptions, runRounds } from './rounds.js'

/** What grows, and what one request then costs over one verification of the same base. */
export interface Growth {
  readonly components: Readonly<Record<string, number>>
  /** By the token's length in bytes. */
  readonly token: Readonly<Record<string, number>>
  readonly agents: Readonly<Record<string, number>>
  readonly routes: Readonly<Record<string, number>>
  /** A token seen for the first time, by the number of keys its issuer publishes. */
  readonly jwks: Readonly<Record<string, number>>
}

interface Case {
  readonly what: keyof Growth
  readonly size: number
  readonly bench: AnyBench
  readonly floor: AnyBench
}

/** Each size against a floor of its own, in interleaved rounds. */
export async function runGrowth(options: RoundOptions & { readonly agents: number }): Promise<Growth> {
  const issuer = createKey()
  const cases = await Promise.all([
    ...[4, 8, 14, 24].map((size) => components(issuer, size)),
    ...[0, 1000, 3000, 6000].map((size) => tokens(issuer, size)),
    ...[100, options.agents].map((size) => agents(issuer, size)),
    ...[1, 1000].map((size) => routes(issuer, size)),
    ...[1, 1000].map((size) => jwks(issuer, size)),
  ])
  const figures = await runRounds(
    cases.flatMap(({ bench, floor }) => [bench, floor]),
    (cases[0] as Case).floor.name,
    options,
  )
  const growth: Record<string, Record<string, number>> = {}
  for (const { what, size, bench, floor } of cases) {
    const sizes = growth[what] ?? {}
    growth[what] = sizes
    sizes[size] = (figures.get(bench.name)?.wall ?? 0) / (figures.get(floor.name)?.wall ?? 1)
  }
  return growth as unknown as Growth
}

const name = (what: keyof Growth, size: number): [string, string] => [
  `${what}_${size}`,
  `${what}_${size}_floor`,
]

function signedWith(
  issuer: Key,
  count: number,
  make: (jwt: string, key: Key) => SignedRequest,
  extra: object = {},
): Agents {
  const keys = Array.from({ length: count }, () => createKey())
  const tokens = keys.map((key) => mintAuthToken(issuer, key, { extra }))
  return { keys, tokens, requests: tokens.map((jwt, i) => make(jwt, keys[i] as Key)) }
}

function components(issuer: Key, size: number): Promise<Case> {
  const headers = Array.from({ length: size - 4 }, (_, i): [string, string] => [`X-Field-${i}`, `value ${i}`])
  const cast = signedWith(issuer, 20, (jwt, key) =>
    signRequest(jwt, key, { headers, components: headers.map(([field]) => field.toLowerCase()) }),
  )
  return warm('components', size, issuer, cast)
}

function tokens(issuer: Key, more: number): Promise<Case> {
  const cast = signedWith(issuer, 20, (jwt, key) => signRequest(jwt, key), { note: 'x'.repeat(more * 0.75) })
  return warm('token', (cast.tokens[0] as string).length, issuer, cast)
}

function agents(issuer: Key, size: number): Promise<Case> {
  return warm('agents', size, issuer, createAgents(issuer, size))
}

async function warm(what: keyof Growth, size: number, issuer: Key, cast: Agents): Promise<Case> {
  const [benchName, floorName] = name(what, size)
  const guard = createGuard([issuer], { verifiedTokens: 200_000 })
  for (const request of cast.requests) await guard(request)
  return {
    what,
    size,
    bench: guardBench(benchName, guard, cast.requests),
    floor: floorBench(floorName, cast),
  }
}

function routes(issuer: Key, size: number): Case {
  const [benchName, floorName] = name('routes', size)
  const cast = createAgents(issuer, 20)
  const server: ResourceServer = createServer([issuer])
  const guards = Array.from({ length: size }, () => guardOf(server))
  let next = 0
  return {
    what: 'routes',
    size,
    bench: guardBench(
      benchName,
      (request) => (guards[next++ % size] as (typeof guards)[0])(request),
      cast.requests,
    ),
    floor: floorBench(floorName, cast),
  }
}

function jwks(issuer: Key, size: number): Case {
  const [benchName, floorName] = name('jwks', size)
  const cast = createAgents(issuer, 400)
  const others = Array.from({ length: size - 1 }, () => createKey())
  const guard = createGuard([...others, issuer], { verifiedTokens: 1 })
  return {
    what: 'jwks',
    size,
    bench: guardBench(benchName, guard, cast.requests),
    floor: floorBench(floorName, cast),
  }
}
