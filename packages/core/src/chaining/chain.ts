import type { ChainTokenKind, SupplierFaultCode, Wait } from './suppliers.js'

/** A token or session for a supplier, obtained with an upstream token. */
export interface ChainToken {
  readonly kind: ChainTokenKind
  readonly supplier: string
  readonly value: string
  /** Seconds. */
  readonly exp: number
  /** The thumbprint of our key to which it is bound. */
  readonly jkt: string
}

/** A supplier's answer, kept so that the call is not repeated when the handler runs again. */
export interface ChainAnswer {
  /** Identifies the call: a hash of its method, URL and content. */
  readonly print: string
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  /** Base64. */
  readonly content: string
  /** Instead of an answer: why there was none. It is unknown whether the call was carried out. */
  readonly fault?: SupplierFaultCode
}

/** What a held call keeps for the suppliers that its handler calls. */
export interface CarriedChain {
  /** The upstream token; absent if there is none, or no longer. */
  readonly upstream?: string | undefined
  readonly tokens: readonly ChainToken[]
  readonly answers: readonly ChainAnswer[]
  /** Identifies the calls of the previous run that wait for somebody and must be repeated. */
  readonly waiting?: readonly string[] | undefined
}

/** What is stored, encrypted, of a call that waits for somebody on the supplier's side. */
export interface ChainState extends CarriedChain {
  readonly wait?: Wait | undefined
  /** When waiting for a supplier's answer: the call that it answers. */
  readonly print?: string | undefined
}
