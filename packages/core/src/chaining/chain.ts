import type { ChainTokenKind, SupplierFaultCode, Wait } from './suppliers.js'

/** A token or session for a supplier, got on the authority of an upstream token. */
export interface ChainToken {
  readonly kind: ChainTokenKind
  readonly supplier: string
  readonly value: string
  /** Seconds. */
  readonly exp: number
  /** The key of ours that it is bound to. */
  readonly jkt: string
}

/** A supplier's answer, kept so that the call is not made again when the handler runs again. */
export interface ChainAnswer {
  /** Names the call: its method, URL and content. */
  readonly print: string
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  /** Base64. */
  readonly content: string
  /** Instead of an answer: why there was none, so that nobody knows whether the call was carried out. */
  readonly fault?: SupplierFaultCode
}

/** What a held call takes along for the suppliers that its handler calls. */
export interface CarriedChain {
  /** The upstream token; absent where it can be had no more, or there is none. */
  readonly upstream?: string | undefined
  readonly tokens: readonly ChainToken[]
  readonly answers: readonly ChainAnswer[]
  /** Names the calls of the run before that have to wait for somebody, and are made again. */
  readonly waiting?: readonly string[] | undefined
}

/** What is stored, sealed, of a call that waits for somebody on the supplier's side. */
export interface ChainState extends CarriedChain {
  readonly wait?: Wait | undefined
  /** With a wait for the supplier's answer: the call that it answers. */
  readonly print?: string | undefined
}
