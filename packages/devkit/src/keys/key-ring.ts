import type { AlgorithmName } from '@countersign/core/signature'
import { createKey, type TownKey } from './key.js'

/** The signing keys of a server: the current one and the published ones. */
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

  /** The current signing key. */
  get current(): TownKey {
    return this.#current
  }

  /** The keys at the `jwks_uri`. */
  get published(): readonly TownKey[] {
    return this.#published
  }

  /**
   * Starts signing with a new key. With `overlap` (the default) the old keys stay published, as by a careful issuer;
   * without, they vanish at once. `sameKid` reuses the old `kid` for the new key: a silent change of keys. `publish:
   * false` signs with a key that is not at the `jwks_uri` at all.
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
    // Newest first; a careful issuer keeps only a few old keys.
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
