/** A value now or later. Stores in memory answer at once, so that the path of a request need not wait for a promise. */
export type Awaitable<T> = T | Promise<T>

// The path of a warm request waits for nothing, so it must not pay for a promise: each costs a turn of the microtask
// queue, and all of them together as much as everything else beside the verification.

/**
 * Whether a value is a promise. Any thenable counts, since a store's promises may not be this realm's.
 *
 * @example
 * ```ts
 * import { createResourceServer } from '@countersign/core'
 * import { type HttpRequest, isPromiseLike, type Outcome } from '@countersign/core/adapter'
 *
 * const guard = createResourceServer({ resource: 'https://notes.example' }).require('agent')
 *
 * // The usual request is decided at once, and costs no promise.
 * function decide(request: HttpRequest, conclude: (outcome: Outcome) => void): void {
 *   const outcome = guard.check(request)
 *   if (isPromiseLike(outcome)) void outcome.then(conclude)
 *   else conclude(outcome)
 * }
 * ```
 */
export function isPromiseLike<T>(value: Awaitable<T>): value is Promise<T> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { readonly then?: unknown }).then === 'function'
  )
}

/**
 * Calls `next` with a value: at once, or when the promise of it is fulfilled. (An export named `then` would make a
 * promise of the whole module.)
 */
export function andThen<T, R>(value: Awaitable<T>, next: (value: T) => Awaitable<R>): Awaitable<R> {
  return isPromiseLike(value) ? Promise.resolve(value).then(next) : next(value)
}
