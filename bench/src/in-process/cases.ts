import { auditLog, observe } from '../observers.js'
import { sodium } from '../sodium.js'
import { createStack, type StackRequest, toStackRequest } from '../stack.js'
import {
  createKey,
  type Key,
  mintAuthToken,
  type SignedRequest,
  signRequest,
  unsigned,
  withField,
} from '../world.js'
import {
  type Agents,
  createAgents,
  type FloorBench,
  floorBench,
  guardBench,
  isTrue,
  pick,
} from './benches.js'
import { freshCopies } from './fresh.js'
import { createGuard, createServer, guardOf, isRefused, isServed } from './guard.js'
import type { AnyBench, Bench, Case } from './pairs.js'

/** All measurements in one process. A floor other than *the* floor is a case too. */
export async function createCases(): Promise<readonly Case[]> {
  const issuer = createKey()
  const agents = createAgents(issuer, 100)
  const floor = floorBench('floor', agents)
  const twice = {
    ...floor,
    name: 'floor_twice',
    run: (request: SignedRequest) => floor.run(request) === true && floor.run(request),
  } satisfies FloorBench
  const warm = guardBench('warm', createGuard([issuer]), agents.requests)
  const stubbed = createGuard([issuer], { crypto: { ed25519: () => true } })
  // More tokens than are remembered, valid or not, so that each comes as if for the first time.
  const many = createAgents(issuer, 2000)
  const forgetful = createGuard([issuer], { verifiedTokens: 1 })
  const over = (own: AnyBench, ...benches: readonly AnyBench[]): Case[] =>
    benches.map((bench) => ({ bench, floor: own }))
  return [
    ...over(floor, floor, twice, warm, guardBench('warm_stubbed', stubbed, agents.requests)),
    ...over(twice, guardBench('cold', forgetful, many.requests)),
    ...es256Cases(issuer, floor),
    ...over(floor, ...(await refusals(issuer, agents, many))),
    // Both do the same work, so that they can be compared directly.
    ...over(warm, stackBench(issuer, agents)),
    ...sodiumCases(issuer, agents, floor),
  ]
}

/**
 * Cases that are measured after all others, separately: when a diagnostics channel gets a listener, and loses it, V8
 * discards its optimised code for all others.
 */
export function createObservedCases(): readonly Case[] {
  const issuer = createKey()
  const agents = createAgents(issuer, 100)
  const floor = guardBench('warm', createGuard([issuer]), agents.requests)
  return observedBenches(issuer, agents).map((bench) => ({ bench, floor }))
}

function es256Cases(issuer: Key, floor: AnyBench): Case[] {
  const agents = createAgents(issuer, 100, 'ES256')
  const own = floorBench('floor_es256', agents)
  return [
    { bench: own, floor },
    { bench: guardBench('warm_es256', createGuard([issuer]), agents.requests), floor: own },
  ]
}

async function refusals(issuer: Key, { keys, tokens, requests }: Agents, many: Agents): Promise<AnyBench[]> {
  const guard = () => createGuard([issuer])
  const old = Math.floor(Date.now() / 1000) - 7200
  const [key] = keys as [Key]
  const [token] = tokens as [string]
  const robbed = guard()
  for (const request of requests) await robbed(request)
  return [
    guardBench('unsigned', guard(), [unsigned], isRefused('person-token')),
    guardBench(
      'malformed',
      guard(),
      requests.map((request) => withField(request, 'Signature', 'sig=:AAAA:')),
      isRefused('invalid_signature'),
    ),
    guardBench(
      'stale',
      guard(),
      tokens.map((jwt, i) => signRequest(jwt, keys[i] as Key, { created: old })),
      isRefused('invalid_signature'),
    ),
    guardBench(
      'unknown_kid',
      guard(),
      keys.map((agent) => signRequest(mintAuthToken(issuer, agent, { kid: 'gone' }), agent)),
      isRefused('unknown_key'),
    ),
    guardBench(
      'unknown_issuer',
      guard(),
      keys
        .slice(0, 4)
        .map((agent) => signRequest(mintAuthToken(issuer, agent, { iss: 'https://nobody.example' }), agent)),
      isRefused('unknown_key'),
    ),
    guardBench(
      'forged',
      guard(),
      many.keys.map((agent) => signRequest(forge(mintAuthToken(issuer, agent)), agent)),
      isRefused('invalid_jwt'),
    ),
    guardBench('forged_again', guard(), [signRequest(forge(token), key)], isRefused('invalid_jwt')),
    guardBench(
      'stolen',
      robbed,
      tokens.map((jwt) => signRequest(jwt, createKey())),
      isRefused('invalid_signature'),
    ),
    guardBench(
      'oversized',
      guard(),
      [withField(requests[0] as SignedRequest, 'Signature-Key', `sig=jwt;jwt="${'A'.repeat(65_536)}"`)],
      isRefused('invalid_signature'),
    ),
  ]
}

/** Replaces the token's signature by a well-formed wrong one. */
function forge(jwt: string): string {
  const at = jwt.lastIndexOf('.') + 10
  return `${jwt.slice(0, at)}${jwt[at] === 'A' ? 'B' : 'A'}${jwt.slice(at + 1)}`
}

/** libsodium instead of OpenSSL. */
function sodiumCases(issuer: Key, agents: Agents, floor: FloorBench): Case[] {
  if (sodium === undefined) return []
  const verify = sodium
  const raw = new Map(
    agents.requests.map((request, i) => [
      request,
      Buffer.from((agents.keys[i] as Key).publicJwk.x as string, 'base64url'),
    ]),
  )
  const own = {
    ...floor,
    name: 'floor_sodium',
    run: (request: SignedRequest) => verify(raw.get(request) as Buffer, request.base, request.signature),
  } satisfies FloorBench
  const guard = createGuard([issuer], { crypto: { ed25519: verify } })
  return [
    { bench: own, floor },
    { bench: guardBench('warm_sodium', guard, agents.requests), floor: own },
  ]
}

/** Warm, with listeners for decisions. */
function observedBenches(issuer: Key, { requests }: Agents): AnyBench[] {
  let told = 0
  const events = createGuard([issuer], { onEvent: () => void told++ })
  const server = createServer([issuer])
  return [
    guardBench('warm_events', events, requests, (outcome) => isServed(outcome) && told > 0),
    { ...guardBench('warm_otel', guardOf(server), requests), begin: () => observe([server]) },
    guardBench('warm_audit', createGuard([issuer], { audit: auditLog() }), requests),
  ]
}

function stackBench(issuer: Key, { requests }: Agents): Bench<StackRequest, boolean> {
  const copies = requests.map(freshCopies)
  return {
    name: 'stack',
    make: (i) => {
      const { method, target, rawHeaders } = pick(copies, i)()
      return toStackRequest(method, target, rawHeaders)
    },
    run: createStack({ keys: [issuer.publicJwk] } as Parameters<typeof createStack>[0]),
    expect: isTrue,
  }
}
