import { hash } from 'node:crypto'
import { siteOf } from '../issuer/site.js'
import { FairLru } from '../token/fair-lru.js'
import type { ChainToken } from './chain.js'

/**
 * Tokens for suppliers, in this process, by the upstream token that they depend on. Bounded, and shared fairly by the
 * sites of callers' issuers, so that a site with a million callers only displaces its own.
 */
export class SupplierTokens {
  readonly #held: FairLru<ChainToken>

  /** @param most tokens held */
  constructor(most: number) {
    this.#held = new FairLru(most, most * averageBytes)
  }

  get(upstream: string, kind: ChainToken['kind'], supplier: string): ChainToken | undefined {
    return this.#held.get(nameOf(upstream, kind, supplier))
  }

  /** @param issuer of the upstream token */
  set(upstream: string, issuer: string, token: ChainToken): void {
    const name = nameOf(upstream, token.kind, token.supplier)
    this.#held.delete(name)
    this.#held.add(name, siteOf(issuer), token, token.value.length + name.length)
  }

  delete(upstream: string, kind: ChainToken['kind'], supplier: string): void {
    this.#held.delete(nameOf(upstream, kind, supplier))
  }
}

/** A longer token takes the room of several. */
const averageBytes = 2048

// By hash, so that the upstream token itself is not kept in memory.
const nameOf = (upstream: string, kind: string, supplier: string): string =>
  `${hash('sha256', upstream, 'base64url')} ${kind} ${supplier}`
