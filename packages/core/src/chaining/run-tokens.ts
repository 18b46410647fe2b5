import type { TokenName } from '../caller.js'
import { readClaims } from '../token/issued.js'
import type { CarriedChain, ChainToken } from './chain.js'
import type { ChainingContext } from './context.js'
import type { ChainWallet } from './suppliers.js'

/** The tokens for suppliers that one run of a handler has obtained. */
export class RunTokens {
  readonly #upstream: string
  readonly #tokens: ChainToken[]
  readonly #context: Pick<ChainingContext, 'tokens' | 'agent' | 'clock'>

  constructor(
    { upstream = '', tokens }: CarriedChain,
    context: Pick<ChainingContext, 'tokens' | 'agent' | 'clock'>,
  ) {
    this.#upstream = upstream
    this.#tokens = [...tokens]
    this.#context = context
  }

  get all(): readonly ChainToken[] {
    return this.#tokens
  }

  /** The `iss` and `jti` of the tokens that were presented to a supplier, as far as they are JWTs. */
  shownTo(supplier: string): readonly TokenName[] {
    return this.#tokens.flatMap(({ kind, value, supplier: whose }) => {
      const claims = kind !== 'session' && whose === supplier ? readClaims(value) : undefined
      const { iss, jti } = claims ?? {}
      return typeof iss === 'string' && typeof jti === 'string' ? [{ iss, jti }] : []
    })
  }

  /** Tokens of this run first, since another process may have obtained them; then those that this process remembers. */
  wallet(issuer: string, end: number): ChainWallet {
    const { tokens: cache, agent, clock } = this.#context
    const upstream = this.#upstream
    const isUsable = ({ jkt, exp }: ChainToken): boolean => jkt === agent.key.jkt && exp * 1000 > clock()
    const own = (kind: string, supplier: string): number =>
      this.#tokens.findIndex((token) => token.kind === kind && token.supplier === supplier)
    const forget = (kind: ChainToken['kind'], supplier: string): void => {
      const at = own(kind, supplier)
      if (at !== -1) this.#tokens.splice(at, 1)
    }
    const take = (token: ChainToken): void => {
      forget(token.kind, token.supplier)
      this.#tokens.push(token)
    }
    return {
      get: (kind, supplier) => {
        const held = this.#tokens[own(kind, supplier)] ?? cache.get(upstream, kind, supplier)
        if (held === undefined || !isUsable(held)) return undefined
        take(held)
        return held.value
      },
      set: (kind, supplier, value, exp) => {
        const token: ChainToken = { kind, supplier, value, exp: Math.min(exp, end), jkt: agent.key.jkt }
        take(token)
        cache.set(upstream, issuer, token)
      },
      delete: (kind, supplier) => {
        forget(kind, supplier)
        cache.delete(upstream, kind, supplier)
      },
    }
  }
}
