import { checkArgument } from '../configuration/configuration.js'
import { z } from '../configuration/schema.js'
import type { Refusal } from '../errors.js'
import type { StateEvent, StoreUse, UntimedEvent } from '../events.js'
import { StoreError, storeUnavailable } from './store-error.js'

/** An order to let requests pass while the store is down. */
export interface BreakGlassOrder {
  /** The checks that pass when the store cannot be read. While it can, they are made as usual. */
  readonly uses: readonly StoreUse[]
  /** Seconds that the order lasts; at most 3600. It ends by itself. */
  readonly seconds: number
  /** Why, for the events. */
  readonly reason: string
  /** Who ordered it, for the events. */
  readonly by: string
}

/** An order in force. */
export interface OpenBreakGlass extends Omit<BreakGlassOrder, 'seconds'> {
  /** Seconds. */
  readonly until: number
}

/**
 * Lets requests pass, on the operator's order, although the store is down. Only in this process: while the store is
 * down, it cannot carry the order to other instances.
 */
export interface BreakGlass {
  /**
   * Opens an order, replacing an earlier one.
   *
   * @throws TypeError when the order is malformed or longer than an hour
   */
  open(order: BreakGlassOrder): OpenBreakGlass
  /**
   * Closes the order, if one is open.
   *
   * @param order who closes it, for the event
   * @throws TypeError when `by` is no text; the order is closed all the same
   */
  close(order?: { readonly by: string }): void
  /** The order in force. */
  current(): OpenBreakGlass | undefined
}

/** {@link BreakGlass} with the operation that the checks use. */
export interface BreakGlassCheck extends BreakGlass {
  /** `store_unavailable` for a check that could not be made; `undefined` if an order lets it pass. */
  refuse(use: StoreUse, cause: unknown): Refusal | undefined
}

const maxSeconds = 3600

/**
 * @param clock milliseconds, as `Date.now`
 * @param monotonic a monotonic clock in milliseconds, so that setting the time of day neither prolongs an order nor
 * ends it
 */
export function createBreakGlass(
  clock: () => number,
  monotonic: () => number,
  report: (event: UntimedEvent<StateEvent>) => void,
): BreakGlassCheck {
  let opened: OpenBreakGlass | undefined
  let closesAt = 0
  const close = (closedBy?: string): void => {
    const closing = opened
    opened = undefined
    if (closing === undefined) return
    report({ name: 'break-glass-closed', ...closing, ...(closedBy === undefined ? {} : { closedBy }) })
  }
  const current = (): OpenBreakGlass | undefined => {
    if (opened !== undefined && monotonic() >= closesAt) close()
    return opened
  }
  return {
    open(order) {
      const { uses, seconds, reason, by } = checkArgument(orderSchema, order, 'breakGlass.open: ')
      current()
      close(by)
      closesAt = monotonic() + seconds * 1000
      opened = Object.freeze({ uses: [...uses], until: Math.floor(clock() / 1000) + seconds, reason, by })
      report({ name: 'break-glass-opened', ...opened })
      return opened
    },
    close(order) {
      let by: string | undefined
      try {
        if (order !== undefined) ({ by } = checkArgument(closingSchema, order, 'breakGlass.close: '))
      } finally {
        // Nobody closed an order that ended by itself.
        current()
        close(by)
      }
    },
    current,
    refuse(use, cause) {
      if (!(cause instanceof StoreError)) throw cause
      const order = current()
      if (order?.uses.includes(use) !== true) return storeUnavailable(cause)
      report({ name: 'break-glass-used', use, by: order.by })
      return undefined
    },
  }
}

const usesKind = 'must name some of revocation, denial, replay'
const secondsKind = `must be a whole number from 1 to ${maxSeconds}`
const textKind = 'must be a text that is not empty'
const text = z.string(textKind).refine((value) => value.trim() !== '', textKind)
const closingSchema = z.strictObject({ by: text }, 'must be called with { by }, or nothing')
const orderSchema = z.strictObject(
  {
    uses: z.array(z.enum(['revocation', 'denial', 'replay'], usesKind), usesKind).min(1, usesKind),
    seconds: z.int(secondsKind).min(1, secondsKind).max(maxSeconds, secondsKind),
    reason: text,
    by: text,
  },
  'must be called with { uses, seconds, reason, by }',
)
