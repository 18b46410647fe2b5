import { tracingChannel } from 'node:diagnostics_channel'
import type { Awaitable } from '../awaitable.js'
import { isPromiseLike } from '../awaitable.js'

/** From a request's arrival at a guard or endpoint to its outcome, which is `event` at the end. */
export const requests: Tracing = tracingChannel('countersign:request')

/** The verification of a request's signature and token; `request` is the request as received. */
export const verifications: Tracing = tracingChannel('countersign:verification')

/** The fetch of a document from an `issuer`: the kind of `document`, and its `url`; `outcome` at the end. */
export const issuerFetches: Tracing = tracingChannel('countersign:issuer-fetch')

/** A call of the store that did not answer at once: `operation`, and the kind of `entry`. */
export const storeCalls: Tracing = tracingChannel('countersign:store')

/** A tracing channel of Node's. */
type Tracing = ReturnType<typeof tracingChannel>

/**
 * Traces an operation, as `TracingChannel` does for functions that return a value or a promise; ours may return
 * either. If a closure costs too much, check `hasSubscribers` first.
 */
export function traced<T>(channel: Tracing, message: object, operation: () => Awaitable<T>): Awaitable<T> {
  return channel.start.runStores(message, run<T>, undefined, channel, message, operation)
}

type Told = { result?: unknown; error?: unknown }

function run<T>(channel: Tracing, told: Told, operation: () => Awaitable<T>): Awaitable<T> {
  try {
    const result = operation()
    if (isPromiseLike(result)) return settle(channel, told, result)
    told.result = result
    return result
  } catch (cause) {
    return fail(channel, told, cause)
  } finally {
    channel.end.publish(told)
  }
}

function settle<T>(channel: Tracing, told: Told, result: Promise<T>): Promise<T> {
  const { asyncStart, asyncEnd } = channel
  return Promise.resolve(result).then(
    (value) => {
      told.result = value
      asyncStart.publish(told)
      asyncEnd.publish(told)
      return value
    },
    (cause: unknown) => {
      try {
        return fail(channel, told, cause)
      } finally {
        asyncStart.publish(told)
        asyncEnd.publish(told)
      }
    },
  )
}

function fail(channel: Tracing, told: Told, cause: unknown): never {
  told.error = cause
  channel.error.publish(told)
  throw cause
}
