import type { Carried } from '../http/message.js'

// By the inner connection, which only this process can make, so no client can reach an entry.
const connections = new WeakMap<object, Carried>()
let isUsed = false

/** Marks a connection as carrying a held call. */
export function carryOn(connection: object, carried: Carried): void {
  isUsed = true
  connections.set(connection, carried)
}

/** What comes with a held call; `undefined` for every message from outside. */
export function carriedBy(message: { readonly socket: object }): Carried | undefined {
  return isUsed ? connections.get(message.socket) : undefined
}
