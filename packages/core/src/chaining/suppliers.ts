import type { SigningKey } from '../crypto/keys.js'
import type { OnwardFault } from '../events.js'
import type { GuardOptions } from '../issuer/guarded-fetch.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'

// What call chaining needs of an agent. The core has none; the adapters use that of `@countersign/agent`.

/** The resource as an agent: its own agent provider (AAuth 10.1.1.1). */
export interface OwnAgent {
  /** `aauth:onward@shop.example`. */
  readonly identifier: string
  /** The key that signs now. It changes when the resource's keys are rotated. */
  readonly key: SigningKey
  /** The agent token for that key, signed by this resource itself. */
  token(): Promise<string>
}

/** A person token, an auth token, or a session (`AAuth-Access`). */
export type ChainTokenKind = 'person' | 'auth' | 'session'

/** The tokens that an agent may keep between its requests, for one caller. */
export interface ChainWallet {
  get(kind: ChainTokenKind, supplier: string): string | undefined
  /** @param exp seconds; the token is kept no longer than the upstream token lives */
  set(kind: ChainTokenKind, supplier: string, value: string, exp: number): void
  delete(kind: ChainTokenKind, supplier: string): void
}

/** In whose name a supplier is called. */
export interface Authority {
  /** The person server that the upstream token names, and the only one that gets it. */
  readonly ps: string
  /** When the upstream token expires, in seconds. */
  readonly exp: number
  /**
   * The upstream token, for `upstream_token` in the content of a request to {@link ps}. Call it for each request: it
   * rejects once the token has expired or was revoked, or its caller was denied.
   */
  upstream(): Promise<string>
  /** The capabilities to declare to the person server (G-65). */
  readonly capabilities: readonly string[]
  readonly wallet: ChainWallet
  readonly signal: AbortSignal
}

/** Something that has to wait on the supplier's side, and where to poll for it. */
export interface Wait {
  /** The supplier's identifier. */
  readonly supplier: string
  /** The pending URL, at the person server or at the supplier. */
  readonly url: string
  /** What it results in: a token of the person server, or the supplier's answer to the call itself. */
  readonly brings: 'person' | 'auth' | 'answer'
  /** Where the person has to go. Absent when somebody else decides. */
  readonly interaction?: { readonly url: string; readonly code: string } | undefined
  /** Seconds until the first poll. */
  readonly retryAfter: number
  /** The token to present when polling a supplier. */
  readonly presented?: string | undefined
  /** With `auth`: the resource token that the auth token has to match. */
  readonly resourceToken?: string | undefined
}

/**
 * Why a call to a supplier failed or has to wait. `interaction_required` without {@link wait}: a person would have to
 * be asked, and cannot be.
 */
export class SupplierFault {
  readonly code: SupplierFaultCode
  /** For the operator only; never a token. */
  readonly reason: string
  /** Seconds after which to try again. */
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

/** `waiting` comes with {@link SupplierFault.wait}. `gone`: the result of a wait has been given to somebody else. */
export type SupplierFaultCode = 'waiting' | OnwardFault

/** The result of a poll for a {@link Wait}. */
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

/**
 * Calls suppliers and person servers as an agent. Nothing rejects, except with the rejection of
 * {@link Authority.upstream}.
 */
export interface Suppliers {
  /** Makes one call, meeting everything that the supplier requires. */
  fetch(request: Request, authority: Authority): Promise<Response | SupplierFault>
  /** One poll. */
  poll(wait: Wait, authority: Omit<Authority, 'upstream' | 'wallet'>): Promise<Progress>
  /** Cancels what waits. Whether that succeeds does not matter. */
  cancel(wait: Wait, signal: AbortSignal): Promise<void>
}

/** What {@link Suppliers} depend on. */
export interface SuppliersContext {
  readonly agent: OwnAgent
  /** The resource server's cache of keys and metadata. */
  readonly issuers: IssuerKeys
  /** The option `onward.fetch`; `undefined` for a guarded fetch. */
  readonly fetch: typeof globalThis.fetch | undefined
  /** Hosts that the guard admits although their names or addresses are private: those in the option `issuers`. */
  readonly guard: GuardOptions
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
  /** Bytes of an answer that can be kept. */
  readonly answerBytes: number
}

/** Makes {@link Suppliers}: `connectSuppliers` of `@countersign/agent`. */
export type ConnectSuppliers = (context: SuppliersContext) => Suppliers
