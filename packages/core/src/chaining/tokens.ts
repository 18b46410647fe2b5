import { hash } from 'node:crypto'
import { siteOf } from '../issuer/site.js'
import { FairLru } from '../token/fair-lru.js'
import type { ChainToken } from './chain.js'

/**
 * Tokens for suppliers, in this process, by the upstream token that they rest on. Bounded; the sites of callers' issuers
 * share fairly, so that one with a million callers only ever pushes out its own.
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

/** Longer ones take the room of several. */
const averageBytes = 2048

// By a hash: the upstream token itself would be held in memory for as long as its name.
const nameOf = (upstream: string, kind: string, supplier: string): string =>
  `${hash('sha256', upstream, 'base64url')} ${kind} ${supplier}`
