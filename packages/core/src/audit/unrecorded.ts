import { Refusal } from '../errors.js'

/** The refusal when no evidence can be recorded, with `whenFull: 'refuse'`. */
export const unrecorded: Refusal = new Refusal('overloaded', {
  reason: 'the audit log cannot be written, and requests are refused meanwhile',
  retryAfter: 2,
})
