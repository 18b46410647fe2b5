import type { Carried } from '../http/message.js'

// By the inner connection, which only this process can make: nothing that a client sends leads to an entry.
const connections = new WeakMap<object, Carried>()
let isUsed = false

/** Marks a connection as one that carries a held call. */
export function carryOn(connection: object, carried: Carried): void {
  isUsed = true
  connections.set(connection, carried)
}

/** What accompanies the held call that this message is; `undefined` for every message from outside. */
export function carriedBy(message: { readonly socket: object }): Carried | undefined {
  return isUsed ? connections.get(message.socket) : undefined
}
