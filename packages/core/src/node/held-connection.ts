import type { Carried } from '../http/message.js'

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
