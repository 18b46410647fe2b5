import { verify } from 'node:crypto'
import type { Outcome } from '@countersign/core/adapter'
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
import { type Guard, isServed } from './guard.js'
import type { Bench } from './pairs.js'

type GuardBench = Bench<RawRequest, Outcome>
export type FloorBench = Bench<SignedRequest, boolean>

/** Agents that return again and again. */
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

export const isTrue = (value: boolean): boolean => value
export const pick = <T>(list: readonly T[], i: number): T => list[i % list.length] as T

/** A guard over requests in turn, with new strings. */
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

/** One verification of the same base, with the same key at hand: the minimum for any verifier over node:crypto. */
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

/** ES256 in OpenSSL's format: letting Node convert r||s costs half a verification more in Node 24. */
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
