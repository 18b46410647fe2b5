import { verify } from 'node:crypto'
import type { Outcome } from '@countersign/core'
import { createStack, type StackRequest, toStackRequest } from '../stack.js'
import {
  type Alg,
  createKey,
  type Key,
  mintAuthToken,
  type RawRequest,
  type SignedRequest,
  signRequest,
} from '../world.js'
import { freshCopies } from './fresh.js'
import { createGuard, type Guard, isRefused, isServed } from './guard.js'
import type { AnyBench, Bench } from './rounds.js'

type GuardBench = Bench<RawRequest, Outcome>
type FloorBench = Bench<SignedRequest, boolean>

const isTrue = (value: boolean): boolean => value
const pick = <T>(list: readonly T[], i: number): T => list[i % list.length] as T

/** A hundred agents that come back again and again. */
export interface Agents {
  readonly keys: readonly Key[]
  readonly tokens: readonly string[]
  readonly requests: readonly SignedRequest[]
}

export function createAgents(issuerKey: Key, count: number, alg: Alg = 'Ed25519'): Agents {
  const keys = Array.from({ length: count }, () => createKey(alg))
  const tokens = keys.map((key) => mintAuthToken(issuerKey, key))
  return { keys, tokens, requests: tokens.map((jwt, i) => signRequest(jwt, keys[i] as Key)) }
}

/** A guard over requests in turn, with fresh strings. */
export function guardBench(
  name: string,
  guard: Guard,
  requests: readonly RawRequest[],
  expect: (outcome: Outcome) => boolean = isServed,
): GuardBench {
  const copies = requests.map(freshCopies)
  let next = 0
  return { name, make: () => pick(copies, next++)(), run: guard, expect }
}

/** One verification of the same base, with the same key at hand: what no verifier over node:crypto can go below. */
export function floorBench(name: string, { keys, requests }: Agents): FloorBench {
  const keyOf = new Map(requests.map((request, i) => [request, (keys[i] as Key).publicKey]))
  const digest = (keys[0] as Key).alg === 'Ed25519' ? null : 'sha256'
  const der = new Map(
    requests.map((request) => [request, digest === null ? request.signature : toDer(request.signature)]),
  )
  return {
    name,
    make: (i) => pick(requests, i),
    run: (request) =>
      verify(digest, request.base, keyOf.get(request) as Key['publicKey'], der.get(request) as Buffer),
    expect: isTrue,
  }
}

function toDer(raw: Buffer): Buffer {
  const integer = (bytes: Buffer): number[] => {
    const digits = [...bytes]
    while (digits.length > 1 && digits[0] === 0) digits.shift()
    if ((digits[0] as number) > 0x7f) digits.unshift(0)
    return [2, digits.length, ...digits]
  }
  const body = [...integer(raw.subarray(0, 32)), ...integer(raw.subarray(32))]
  return Buffer.from([0x30, body.length, ...body])
}

function tampered(request: SignedRequest, name: string, change: (value: string) => string): RawRequest {
  const { method, target, rawHeaders } = request
  const at = rawHeaders.indexOf(name) + 1
  return { method, target, rawHeaders: rawHeaders.map((text, i) => (i === at ? change(text) : text)) }
}

/** Everything that is measured against the floor, in one process. */
export async function createCases(): Promise<readonly AnyBench[]> {
  const issuerKey = createKey()
  const agents = createAgents(issuerKey, 100)
  const p256 = createAgents(issuerKey, 100, 'ES256')
  const many = createAgents(issuerKey, 2000)
  const guards = () => createGuard([issuerKey])
  const now = Math.floor(Date.now() / 1000)
  const [key] = agents.keys as [Key]
  const [token] = agents.tokens as [string]
  const robbed = guards()
  for (const request of agents.requests) await robbed(request)

  const benches: AnyBench[] = [
    floorBench('floor', agents),
    {
      ...floorBench('floor_twice', agents),
      run: (request: SignedRequest) => {
        const at = agents.requests.indexOf(request)
        const publicKey = (agents.keys[at] as Key).publicKey
        return (
          verify(null, request.base, publicKey, request.signature) &&
          verify(null, request.base, publicKey, request.signature)
        )
      },
    } satisfies FloorBench,
    floorBench('floor_es256', p256),
    guardBench('warm', guards(), agents.requests),
    guardBench(
      'warm_stubbed',
      createGuard([issuerKey], { crypto: { ed25519: () => true } }),
      agents.requests,
    ),
    guardBench('warm_es256', guards(), p256.requests),
    guardBench('cold', createGuard([issuerKey], { verifiedTokens: 1 }), many.requests),
    guardBench(
      'unsigned',
      guards(),
      [{ method: 'GET', target: '/data', rawHeaders: ['Host', 'rs.example', 'Accept', '*/*'] }],
      isRefused('person-token'),
    ),
    guardBench(
      'malformed',
      guards(),
      agents.requests.map((request) => tampered(request, 'Signature', () => 'sig=:AAAA:')),
      isRefused('invalid_signature'),
    ),
    guardBench(
      'stale',
      guards(),
      agents.tokens.map((jwt, i) => signRequest(jwt, agents.keys[i] as Key, { created: now - 7200 })),
      isRefused('invalid_signature'),
    ),
    guardBench(
      'unknown_kid',
      guards(),
      agents.keys.map((agent) => signRequest(mintAuthToken(issuerKey, agent, { kid: 'gone' }), agent)),
      isRefused('unknown_key'),
    ),
    guardBench(
      'unknown_issuer',
      guards(),
      agents.keys
        .slice(0, 4)
        .map((agent) =>
          signRequest(mintAuthToken(issuerKey, agent, { iss: 'https://nobody.example' }), agent),
        ),
      isRefused('unknown_key'),
    ),
    guardBench(
      'forged',
      guards(),
      many.keys.map((agent) => signRequest(forge(mintAuthToken(issuerKey, agent)), agent)),
      isRefused('invalid_jwt'),
    ),
    guardBench('forged_again', guards(), [signRequest(forge(token), key)], isRefused('invalid_jwt')),
    guardBench(
      'stolen',
      robbed,
      agents.tokens.map((jwt) => signRequest(jwt, createKey())),
      isRefused('invalid_signature'),
    ),
    guardBench(
      'oversized',
      guards(),
      agents.requests.map((request) =>
        tampered(request, 'Signature-Key', () => `sig=jwt;jwt="${'A'.repeat(65_536)}"`),
      ),
      isRefused('invalid_signature'),
    ),
    stackBench(issuerKey, agents),
    ...(await sodiumBenches(issuerKey, agents)),
  ]
  return benches
}

/** libsodium instead of OpenSSL, where the package is installed. */
async function sodiumBenches(issuerKey: Key, agents: Agents): Promise<AnyBench[]> {
  const sodium = await import('@countersign/core/sodium').catch(() => undefined)
  if (sodium === undefined) return []
  const { ed25519 } = sodium
  const floor = floorBench('floor_sodium', agents)
  const raw = new Map(
    agents.requests.map((request, i) => [
      request,
      Buffer.from((agents.keys[i] as Key).publicJwk.x as string, 'base64url'),
    ]),
  )
  return [
    {
      ...floor,
      run: (request: SignedRequest) => ed25519(raw.get(request) as Buffer, request.base, request.signature),
    } satisfies FloorBench,
    guardBench('warm_sodium', createGuard([issuerKey], { crypto: { ed25519 } }), agents.requests),
  ]
}

/** Changes the token's signature into one that is well formed and wrong. */
function forge(jwt: string): string {
  const at = jwt.lastIndexOf('.') + 10
  return `${jwt.slice(0, at)}${jwt[at] === 'A' ? 'B' : 'A'}${jwt.slice(at + 1)}`
}

function stackBench(issuerKey: Key, { requests }: Agents): Bench<StackRequest, boolean> {
  const copies = requests.map(freshCopies)
  return {
    name: 'stack',
    make: (i) => {
      const { method, target, rawHeaders } = pick(copies, i)()
      return toStackRequest(method, target, rawHeaders)
    },
    run: createStack({ keys: [issuerKey.publicJwk] } as Parameters<typeof createStack>[0]),
    expect: isTrue,
  }
}
