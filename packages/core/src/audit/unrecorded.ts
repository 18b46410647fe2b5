import { Refusal } from '../errors.js'

/** The refusal of requests of which no evidence could be kept, with `whenFull: 'refuse'`. */
export const unrecorded: Refusal = new Refusal('overloaded', {
  reason: 'the audit log cannot be written, and requests are refused meanwhile',
  retryAfter: 2,
})
