import { randomUUID } from 'node:crypto'
import type { Store } from '../store/store.js'

// A store cannot update several keys at once, so each instance adds to a value of its own: a slot, reserved for it while
// it writes. When an instance ends, another takes over its slot with the counts in it.

/** The number of slots. */
export const slots = 64

const leaseSeconds = 300
const leaseKey = (slot: number): string => `adoption:lease:${slot}`

/**
 * Creates the function that reserves a slot for this instance: the one that it has, or a free one. It resolves with
 * `undefined` when there is none.
 */
export function createSlot(store: Store): () => Promise<number | undefined> {
  const instance = randomUUID()
  let slot: number | undefined

  return async () => {
    if (slot !== undefined && (await store.get(leaseKey(slot))) === instance) {
      await store.put(leaseKey(slot), instance, leaseSeconds)
      return slot
    }
    slot = undefined
    for (let free = 0; free < slots; free++) {
      const isOurs = await store.claim(leaseKey(free), instance, leaseSeconds)
      // A claim that failed may have taken effect.
      if (isOurs || (await store.get(leaseKey(free))) === instance) {
        slot = free
        return free
      }
    }
    return undefined
  }
}
