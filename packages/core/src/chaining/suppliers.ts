import type { SigningKey } from '../crypto/keys.js'
import type { OnwardFault } from '../events.js'
import type { GuardOptions } from '../issuer/guarded-fetch.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'

// What call chaining needs of an agent. Core does not know any; `@countersign/agent` has one, and adapters bring it along.

/** The resource as an agent: its own agent provider (AAuth 10.1.1.1). */
export interface OwnAgent {
  /** `aauth:onward@shop.example`. */
  readonly identifier: string
  /** The key that signs now; it changes with the rotation of the resource's keys. */
  readonly key: SigningKey
  /** The agent token for that key, by which this resource vouches for itself. */
  token(): Promise<string>
}

/** A person token, an auth token, or a session (`AAuth-Access`). */
export type ChainTokenKind = 'person' | 'auth' | 'session'

/** What an agent may hold between its requests, on the authority of one caller. */
export interface ChainWallet {
  get(kind: ChainTokenKind, supplier: string): string | undefined
  /** @param exp seconds; whatever outlives the upstream token is kept no longer than that */
  set(kind: ChainTokenKind, supplier: string, value: string, exp: number): void
  delete(kind: ChainTokenKind, supplier: string): void
}

/** On whose authority a supplier is asked. */
export interface Authority {
  /** The person server that the upstream token names, and the only one that it is sent to. */
  readonly ps: string
  /** Seconds; the end of the upstream token. */
  readonly exp: number
  /**
   * The upstream token, for `upstream_token` in the content of a request to {@link ps}. Ask for each request anew: it
   * rejects once the token has ended, was revoked, or its caller was denied.
   */
  upstream(): Promise<string>
  /** What is declared to the person server (G-65). */
  readonly capabilities: readonly string[]
  readonly wallet: ChainWallet
  readonly signal: AbortSignal
}

/** Something on the supplier's side that has to wait, and where its end is polled for. */
export interface Wait {
  /** The supplier's identifier. */
  readonly supplier: string
  /** The pending URL, at the person server or at the supplier. */
  readonly url: string
  /** What comes of it: a token of the person server, or the supplier's answer to the call itself. */
  readonly brings: 'person' | 'auth' | 'answer'
  /** Where the person has to go. Absent: somebody else decides. */
  readonly interaction?: { readonly url: string; readonly code: string } | undefined
  /** Seconds until it may be polled. */
  readonly retryAfter: number
  /** The token that polls of a supplier present. */
  readonly presented?: string | undefined
  /** With `auth`: the resource token that the auth token has to fit. */
  readonly resourceToken?: string | undefined
}

/**
 * Why a call to a supplier came to nothing, or has to wait. `interaction_required` without {@link wait}: the person would
 * have to be asked, and cannot be.
 */
export class SupplierFault {
  readonly code: SupplierFaultCode
  /** For the operator only; never a token. */
  readonly reason: string
  /** Seconds after which it may be tried again. */
  readonly retryAfter: number | undefined
  readonly wait: Wait | undefined
  constructor(
    code: SupplierFaultCode,
    reason: string,
    more: { readonly retryAfter?: number | undefined; readonly wait?: Wait } = {},
  ) {
    this.code = code
    this.reason = reason
    this.retryAfter = more.retryAfter
    this.wait = more.wait
  }
}

/** `waiting` comes with {@link SupplierFault.wait}. `gone`: a wait whose end has been told to somebody else. */
export type SupplierFaultCode = 'waiting' | OnwardFault

/** What a poll of a {@link Wait} brought. */
export type Progress =
  | { readonly state: 'waiting'; readonly wait: Wait }
  | {
      readonly state: 'token'
      readonly kind: ChainTokenKind
      readonly value: string
      /** Seconds. */
      readonly exp: number
    }
  | { readonly state: 'answer'; readonly response: Response }
  | SupplierFault

/** Speaks to suppliers and person servers as an agent. Nothing rejects but for what {@link Authority.upstream} rejects with. */
export interface Suppliers {
  /** One call, through everything the supplier requires of it. */
  fetch(request: Request, authority: Authority): Promise<Response | SupplierFault>
  /** One poll. */
  poll(wait: Wait, authority: Omit<Authority, 'upstream' | 'wallet'>): Promise<Progress>
  /** Withdraws what waits; whether that succeeds is nobody's concern. */
  cancel(wait: Wait, signal: AbortSignal): Promise<void>
}

/** What {@link Suppliers} are made from. */
export interface SuppliersContext {
  readonly agent: OwnAgent
  /** The cache of keys and metadata that the resource server has. */
  readonly issuers: IssuerKeys
  /** The option `onward.fetch`; `undefined`: a guarded fetch. */
  readonly fetch: typeof globalThis.fetch | undefined
  /** Hosts that the guard admits although their names or addresses are private: those of the option `issuers`. */
  readonly guard: GuardOptions
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
  /** Bytes of an answer that is kept. */
  readonly answerBytes: number
}

/** Makes {@link Suppliers}: `connectSuppliers` of `@countersign/agent`. */
export type ConnectSuppliers = (context: SuppliersContext) => Suppliers
