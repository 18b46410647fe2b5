import { createResourceServer, type ResourceServer } from '@countersign/core'
import type { Outcome } from '@countersign/core/adapter'
import type { HttpRequest } from '@countersign/core/signature'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { parseDictionary } from 'structured-headers'
import { jwks, now, options } from './cast.js'

/** What is fuzzed. It throws, or rejects, where something is wrong. */
export interface Target {
  readonly name: string
  /** Its part of the time, of all targets' together. */
  readonly weight: number
  /** What to begin with, beside what is kept in the corpus. */
  readonly seeds: readonly Buffer[]
  run(input: Buffer): void | Promise<void>
}

export function wrong(what: string): never {
  throw new Error(what)
}

/** What an outcome says, of which none may be a failure of ours that nobody has thought of. */
export function inShort(outcome: Outcome): string {
  const { served } = outcome
  if (served) return `served ${outcome.caller?.kind}`
  const { status } = outcome.answer
  if (status >= 500 && status !== 503) wrong(`answers ${status}: ${outcome.code} ${outcome.detail}`)
  return `${status} ${outcome.code} ${outcome.answer.headers['Signature-Error'] ?? ''}`
}

/** Whether a library that knows nothing of ours agrees that the token of a request is signed by its issuer. */
export async function isGoodToken({ rawHeaders }: HttpRequest, keys: JSONWebKeySet): Promise<boolean> {
  const at = rawHeaders.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'signature-key')
  const members = parseDictionary(rawHeaders[at + 1] ?? '')
  for (const [, [, parameters]] of members) {
    const jwt = parameters.get('jwt')
    if (typeof jwt !== 'string') continue
    const verified = await jwtVerify(jwt, createLocalJWKSet(keys), {
      currentDate: new Date(now * 1000),
      clockTolerance: 60,
    }).catch(() => undefined)
    if (verified !== undefined) return true
  }
  return false
}

/** A way to issuers that all answer so: with metadata, and with a key set. */
export const answering =
  (
    keySet: () => string,
    metadata: (origin: string) => string = (origin) =>
      JSON.stringify({ issuer: origin, jwks_uri: `${origin}/jwks.json` }),
    headers: () => Readonly<Record<string, string>> = () => ({}),
  ) =>
  async (url: string | URL | Request): Promise<Response> => {
    const { origin, pathname } = new URL(url instanceof Request ? url.url : url)
    const document = pathname.startsWith('/.well-known/') ? metadata(origin) : keySet()
    return new Response(document, { headers: { ...headers(), 'Content-Type': 'application/json' } })
  }

export const goodIssuers: ReturnType<typeof answering> = answering(() => JSON.stringify(jwks))

const shortcuts = Symbol.for('countersign.shortcuts')
const world = globalThis as { [name: symbol]: unknown }
function without<T>(make: () => T): T {
  const before = world[shortcuts]
  world[shortcuts] = false
  try {
    return make()
  } finally {
    world[shortcuts] = before
  }
}

type Guard = ReturnType<ResourceServer['require']>

/** Requests between two pairs of servers, so that what they count of strangers is not used up. */
const longest = 5000
let served = longest
let servers: readonly ResourceServer[] = []
let guards: readonly Guard[] = []

/**
 * The same guard twice: with the short cuts of the signatures that nearly everybody makes, what is remembered of tokens, and
 * libsodium where it is installed; and with the thorough way alone, and OpenSSL.
 */
function pair(): readonly Guard[] {
  if (served++ < longest) return guards
  served = 0
  for (const server of servers) server.close()
  const make = (): ResourceServer => createResourceServer(options(goodIssuers))
  servers = [make(), without(make)]
  guards = servers.map((server) => server.require({ identity: 'any' }))
  return guards
}

/** What becomes of a request, which must be the same with and without short cuts; jose verifies the token of whoever is served. */
export async function judged(sent: HttpRequest): Promise<Outcome> {
  const [quick, thorough] = pair() as [Guard, Guard]
  const outcome = await quick.check(sent)
  const [one, other] = [inShort(outcome), inShort(await thorough.check(sent))]
  if (one !== other) wrong(`with short cuts ${one}, without ${other}`)
  if (outcome.served && !(await isGoodToken(sent, jwks as unknown as JSONWebKeySet)))
    wrong('served, and jose does not verify its token')
  return outcome
}
