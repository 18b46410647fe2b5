import type { AlgorithmName } from '../crypto/algorithms.js'
import type { SigningKey } from '../crypto/keys.js'
import type { KeyRotationEvent, UntimedEvent } from '../events.js'
import {
  importKey,
  type PlacedKey,
  readSigningKeys,
  type SigningKeyOption,
  type SigningKeys,
} from './signing-keys.js'

/** A signing key of the resource server and its state in the rotation. */
export interface OwnKey {
  readonly kid: string
  readonly alg: AlgorithmName
  /** RFC 7638 SHA-256 thumbprint. */
  readonly jkt: string
  /** `next`: published, and has not signed yet. `previous`: published because of what it has signed. */
  readonly state: 'signing' | 'next' | 'previous'
  /** When this process began to publish it, in seconds. */
  readonly published: number
  /** With `next`: when every cache of our key set has the key, so that it may sign; in seconds. */
  readonly promotable?: number
  /** With `previous`: when everything that it signed has expired, so that it may be retired; in seconds. */
  readonly retirable?: number
}

/**
 * The resource server's signing keys, in this process. A rotation has four steps, each done on all instances before
 * the next: publish, wait, promote, then wait and retire. See docs/production.md.
 */
export interface OwnKeys {
  /** The signing key first. */
  list(): readonly OwnKey[]
  /**
   * Publishes one more key, in any form that the option `signingKeys` accepts. It does not sign yet.
   *
   * @throws TypeError when it is no usable key, or is published already
   */
  publish(key: SigningKeyOption | string): OwnKey
  /**
   * Makes a published key the one that signs.
   *
   * @throws RangeError while others may have cached our key set without it; use `force` if the current key has leaked
   */
  promote(kid: string, how?: { readonly force?: boolean }): OwnKey
  /**
   * Stops publishing a key.
   *
   * @throws RangeError for the key that signs, and while something that it signed may still be verified; use `force`
   * if the key has leaked
   */
  retire(kid: string, how?: { readonly force?: boolean }): void
  /**
   * Signs once with every key, and rejects if one fails. It finds a signer that is unreachable, or has another key,
   * at start.
   */
  prove(): Promise<void>
}

// `max-age` of our key set, and the minute in which nobody fetches it again (AAuth 11.4).
const cacheSeconds = 300 + 60

interface Entry {
  readonly key: SigningKey
  readonly published: number
  /** When it last signed, once it has been replaced. */
  replaced?: number
}

/** The dependencies of {@link OwnKeyRing}. */
export interface OwnKeyRingContext {
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
  /** Seconds that something signed is good for after it was signed, clocks apart. */
  readonly lifetime: number
  readonly report: (event: UntimedEvent<KeyRotationEvent>) => void
}

/** The signing keys of a resource server. Read them at each use, because a rotation changes them. */
export class OwnKeyRing implements OwnKeys {
  readonly #context: OwnKeyRingContext
  /** The first signs. */
  readonly #entries: Entry[]

  /**
   * @param keys the option `signingKeys`; `undefined` for none
   * @throws TypeError naming the invalid key by its position
   */
  constructor(keys: SigningKeys | undefined, context: OwnKeyRingContext) {
    this.#context = context
    this.#entries = []
    if (keys === undefined) return
    for (const key of readSigningKeys(keys, 'option signingKeys')) this.#add(key)
  }

  /** The key that signs; `undefined` when there is none. */
  get signing(): SigningKey | undefined {
    return this.#entries[0]?.key
  }

  /** The keys as published in the key set. */
  get publicJwks(): readonly Readonly<Record<string, string>>[] {
    return this.#entries.map(({ key }) => key.publicJwk)
  }

  list(): readonly OwnKey[] {
    return this.#entries.map((entry) => this.#describe(entry))
  }

  publish(given: SigningKeyOption | string): OwnKey {
    if (this.#entries.length === 0) {
      throw new TypeError(
        'option signingKeys: needs a key at the start; without one the metadata has no jwks_uri, so that readers would not find a key published later',
      )
    }
    const [key, ...more] = readSigningKeys(given, 'keys.publish')
    if (key === undefined || more.length > 0) throw new TypeError('keys.publish: takes one key at a time')
    const entry = this.#add(key)
    this.#tell('published', entry, false)
    return this.#describe(entry)
  }

  promote(kid: string, { force = false }: { readonly force?: boolean } = {}): OwnKey {
    const entry = this.#find(kid)
    const [signing] = this.#entries
    if (signing === undefined || signing === entry) return this.#describe(entry)
    this.#notBefore(`key ${kid} may sign`, entry.published + cacheSeconds, force)
    signing.replaced = this.#now()
    this.#entries.splice(this.#entries.indexOf(entry), 1)
    this.#entries.unshift(entry)
    delete entry.replaced
    this.#tell('promoted', entry, force)
    return this.#describe(entry)
  }

  retire(kid: string, { force = false }: { readonly force?: boolean } = {}): void {
    const entry = this.#find(kid)
    if (entry === this.#entries[0]) throw new RangeError(`key ${kid} signs: promote another key first`)
    this.#notBefore(`key ${kid} may be retired`, this.#retirable(entry), force)
    this.#entries.splice(this.#entries.indexOf(entry), 1)
    this.#tell('retired', entry, force)
  }

  async prove(): Promise<void> {
    const probe = Buffer.from('countersign')
    await Promise.all(this.#entries.map(async ({ key }) => key.sign(probe)))
  }

  #add(placed: PlacedKey): Entry {
    const { at } = placed
    const key = importKey(placed)
    for (const { key: other } of this.#entries) {
      if (other.kid === key.kid) throw new TypeError(`${at}: two keys have the same kid ${key.kid}`)
      if (other.jkt === key.jkt)
        throw new TypeError(`${at}: the keys ${other.kid} and ${key.kid} are the same`)
    }
    const entry: Entry = { key, published: this.#now() }
    this.#entries.push(entry)
    return entry
  }

  #find(kid: string): Entry {
    const entry = this.#entries.find(({ key }) => key.kid === kid)
    if (entry === undefined) throw new RangeError(`there is no key ${kid}; keys.list() has those there are`)
    return entry
  }

  /** A key that has not signed here may have signed elsewhere before this process started. */
  #retirable({ replaced, published }: Entry): number {
    return (replaced ?? published) + this.#context.lifetime
  }

  #notBefore(what: string, seconds: number, force: boolean): void {
    if (force || this.#now() >= seconds) return
    throw new RangeError(`${what} from ${new Date(seconds * 1000).toISOString()} on`)
  }

  #describe(entry: Entry): OwnKey {
    const { key, published, replaced } = entry
    const shown = { kid: key.kid, alg: key.algorithm.name, jkt: key.jkt, published }
    if (entry === this.#entries[0]) return { ...shown, state: 'signing' }
    return replaced === undefined
      ? { ...shown, state: 'next', promotable: published + cacheSeconds }
      : { ...shown, state: 'previous', retirable: this.#retirable(entry) }
  }

  #tell(act: KeyRotationEvent['act'], { key }: Entry, forced: boolean): void {
    this.#context.report({ name: 'key-rotation', act, kid: key.kid, forced })
  }

  #now(): number {
    return Math.floor(this.#context.clock() / 1000)
  }
}
