import type { AlgorithmName } from '@countersign/core/signature'
import { createKey, type TownKey } from './key.js'

/** The signing keys of a server: what it signs with and what it publishes. */
export class KeyRing {
  readonly #name: string
  #serial = 0
  #current: TownKey
  #published: TownKey[]

  /** @param name prefix of the `kid`s: `ps` gives `ps-1`, `ps-2`, … */
  constructor(name: string) {
    this.#name = name
    this.#current = this.#create('Ed25519')
    this.#published = [this.#current]
  }

  /** The key that signs now. */
  get current(): TownKey {
    return this.#current
  }

  /** The keys at the `jwks_uri`. */
  get published(): readonly TownKey[] {
    return this.#published
  }

  /**
   * Starts signing with a new key. With `overlap` (the default) the old keys stay published, as a careful issuer does;
   * without, they vanish at once. `sameKid` re-uses the old `kid` for the new key: a silent re-keying. `publish: false`
   * signs with a key that is not at the `jwks_uri` at all.
   */
  rotate(
    options: {
      readonly overlap?: boolean
      readonly sameKid?: boolean
      readonly publish?: boolean
      readonly algorithm?: AlgorithmName
    } = {},
  ): TownKey {
    const old = this.#current
    const algorithm = options.algorithm ?? 'Ed25519'
    this.#current = options.sameKid === true ? createKey(algorithm, old.kid) : this.#create(algorithm)
    const kept = this.#published.filter(
      (key) => (options.overlap ?? true) && options.sameKid !== true && key.kid !== this.#current.kid,
    )
    // Newest first; a handful of old keys is all a careful issuer keeps.
    this.#published = [...(options.publish === false ? [] : [this.#current]), ...kept].slice(0, 8)
    return this.#current
  }

  /** The JWKS document. */
  jwks(): { readonly keys: readonly Readonly<Record<string, string>>[] } {
    return { keys: this.#published.map((key) => key.publicJwk) }
  }

  #create(algorithm: AlgorithmName): TownKey {
    this.#serial++
    return createKey(algorithm, `${this.#name}-${this.#serial}`)
  }
}
