import type { TokenCaller } from '../caller.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'

/** What a held call brings with it when it is sent through the application again. */
export interface Carried {
  /** The keys of the server that put the call aside. To any other server the call is one without a signature. */
  readonly issuers: IssuerKeys
  /** Verified on the poll that set the call going. */
  readonly caller: TokenCaller
  /** What has been approved for this call. */
  readonly subjects: readonly string[]
  /** Told when the call has to wait once more: its new pending id. */
  waitsAgain(id: string): void
}

// Keyed by the connection a call is carried on, which only this process can have made: nothing a client sends is looked
// up here.
const connections = new WeakMap<object, Carried>()
let isUsed = false

/** Marks a connection as one that carries a held call. */
export function carryOn(connection: object, carried: Carried): void {
  isUsed = true
  connections.set(connection, carried)
}

/** What the message's connection carries; `undefined` for every message from outside. */
export function carriedBy(message: { readonly socket: object }): Carried | undefined {
  return isUsed ? connections.get(message.socket) : undefined
}
