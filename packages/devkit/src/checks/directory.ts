import { BoundedMap } from '../bounded.js'
import type { Env } from '../env.js'
import { toWire } from '../wire/request.js'
import { Fault } from './fault.js'
import { isServerId } from './identifiers.js'

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>

/** The metadata and keys of one server in one role. */
export interface DirectoryEntry {
  readonly metadata: JsonObject
  readonly keys: readonly JsonObject[]
}

/** The well-known documents of AAuth (11.2). */
export type Document = 'aauth-agent.json' | 'aauth-person.json' | 'aauth-access.json' | 'aauth-resource.json'

/**
 * The metadata and keys of other servers, as one party has fetched them (AAuth 11.4); fetched again when a `kid` is missing.
 * Strict about both: `issuer` byte-equal, every key with `kid` and a fully specified `alg`, no private members.
 */
export class Directory {
  readonly #env: Env
  readonly #reader: string
  readonly #own = new Map<string, () => DirectoryEntry>()
  readonly #entries = new BoundedMap<string, Promise<DirectoryEntry | Fault>>(100)

  /** @param reader the name of the party, for the ledger */
  constructor(env: Env, reader: string) {
    this.#env = env
    this.#reader = reader
  }

  /** Registers the reader's own document, so that it does not fetch its own keys over the network. */
  adopt(issuer: string, document: Document, read: () => DirectoryEntry): void {
    this.#own.set(`${issuer} ${document}`, read)
  }

  /** The metadata document of a server, checked. */
  async metadata(issuer: string, document: Document): Promise<JsonObject | Fault> {
    const entry = await this.#entry(issuer, document)
    return entry instanceof Fault ? entry : entry.metadata
  }

  /** The key with this `kid`; if it is unknown, the keys are fetched again once. */
  async key(issuer: string, document: Document, kid: string): Promise<JsonObject | Fault> {
    const known = await this.#entry(issuer, document)
    const key = known instanceof Fault ? undefined : find(known, kid)
    if (key !== undefined) return key
    this.forget(issuer)
    const fresh = await this.#entry(issuer, document)
    if (fresh instanceof Fault) return fresh
    return find(fresh, kid) ?? new Fault('unknown_key', `${issuer} publishes no key ${kid}`)
  }

  /** Drops the cached documents of a server. */
  forget(issuer: string): void {
    for (const name of [...this.#entries.keys()])
      if (name.startsWith(`${issuer} `)) this.#entries.delete(name)
  }

  #entry(issuer: string, document: Document): Promise<DirectoryEntry | Fault> {
    const name = `${issuer} ${document}`
    const own = this.#own.get(name)
    if (own !== undefined) return Promise.resolve(own())
    const known = this.#entries.get(name)
    if (known !== undefined) return known
    const entry = this.#fetchEntry(issuer, document)
    this.#entries.set(name, entry)
    void entry.then((result) => {
      if (result instanceof Fault && this.#entries.get(name) === entry) this.#entries.delete(name)
    })
    return entry
  }

  async #fetchEntry(issuer: string, document: Document): Promise<DirectoryEntry | Fault> {
    if (!isServerId(issuer)) return new Fault('invalid_jwt', `not a server identifier: ${issuer}`)
    const metadata = await this.#fetchJson(`${issuer}/.well-known/${document}`)
    if (metadata instanceof Fault) return metadata
    if (metadata['issuer'] === undefined) return new Fault('issuer_missing', `${document} has no issuer`)
    if (metadata['issuer'] !== issuer) return new Fault('issuer_mismatch', `${document} names another issuer`)
    const jwksUri = metadata['jwks_uri']
    if (jwksUri === undefined) return { metadata, keys: [] }
    if (typeof jwksUri !== 'string' || !jwksUri.startsWith(`${issuer}/`)) {
      return new Fault('invalid_metadata', `the jwks_uri of ${issuer} is not on its own origin`)
    }
    const jwks = await this.#fetchJson(jwksUri)
    if (jwks instanceof Fault) return jwks
    const keys = jwks['keys']
    if (!Array.isArray(keys)) return new Fault('invalid_metadata', `the JWKS of ${issuer} has no keys`)
    return faultyKey(issuer, keys) ?? { metadata, keys: keys as JsonObject[] }
  }

  async #fetchJson(url: string): Promise<JsonObject | Fault> {
    let response: Response
    try {
      response = (await this.#env.exchange(this.#reader, toWire({ url }))).response
    } catch (error) {
      return new Fault('unreachable', `${url}: ${error instanceof Error ? error.message : String(error)}`)
    }
    if (response.status !== 200) return new Fault('unreachable', `${url} answered ${response.status}`)
    if (!/^application\/(?:[\w.+-]+\+)?json\b/.test(response.headers.get('content-type') ?? '')) {
      return new Fault('invalid_metadata', `${url} is not served as JSON`)
    }
    const value: unknown = await response.json().catch(() => undefined)
    return isObject(value) ? value : new Fault('invalid_metadata', `${url} is no JSON object`)
  }
}

/** Whether `value` is a JSON object. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function find(entry: DirectoryEntry, kid: string): JsonObject | undefined {
  return entry.keys.find((key) => key['kid'] === kid)
}

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'priv']
const notFullySpecified = /^(?:EdDSA|none|HS\d+)$/

// R-004 for the whole set: one malformed key fails the publisher, although a verifier would only skip it.
function faultyKey(issuer: string, keys: readonly unknown[]): Fault | undefined {
  for (const key of keys) {
    if (!isObject(key)) return new Fault('invalid_metadata', `a key of ${issuer} is no object`)
    const { kid, alg } = key as { kid?: unknown; alg?: unknown }
    if (typeof kid !== 'string') return new Fault('invalid_metadata', `a key of ${issuer} has no kid`)
    if (typeof alg !== 'string' || notFullySpecified.test(alg)) {
      return new Fault('invalid_metadata', `key ${kid} of ${issuer} has no fully specified alg`)
    }
    if (privateMembers.some((name) => Object.hasOwn(key, name))) {
      return new Fault('invalid_metadata', `key ${kid} of ${issuer} is published with a private member`)
    }
  }
  return undefined
}
