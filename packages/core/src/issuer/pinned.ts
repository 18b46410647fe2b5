import { Fault } from './fault.js'
import { KeySet } from './key-set.js'
import type { IssuerMetadata } from './metadata.js'
import type { PinnedIssuer } from './options.js'

/** The keys and the metadata of one pinned document. */
export interface Pinned {
  readonly keys: KeySet
  readonly metadata: IssuerMetadata
}

/** The issuers of `issuers.pinned`. Their keys are in the options, and nothing is fetched from them. */
export class PinnedIssuers {
  readonly #issuers = new Map<string, Map<string, Pinned>>()

  /** @throws TypeError for a malformed JWKS; the options' schema refuses one before */
  constructor(pinned: readonly PinnedIssuer[]) {
    for (const { issuer, dwk, jwks, metadata } of pinned) {
      const keys = KeySet.read({ ...jwks })
      if (keys instanceof Fault) throw new TypeError(`option issuers.pinned: ${keys.reason}`)
      const documents = this.#issuers.get(issuer) ?? new Map<string, Pinned>()
      documents.set(dwk, { keys, metadata: Object.freeze({ ...metadata, issuer }) })
      this.#issuers.set(issuer, documents)
    }
  }

  get size(): number {
    return this.#issuers.size
  }

  has(issuer: string): boolean {
    return this.#issuers.has(issuer)
  }

  get(issuer: string, dwk: string): Pinned | undefined {
    return this.#issuers.get(issuer)?.get(dwk)
  }

  documentsOf(issuer: string): readonly string[] {
    return [...(this.#issuers.get(issuer)?.keys() ?? [])]
  }
}
