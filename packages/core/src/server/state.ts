import { createDenials, type DenialCheck } from '../denial/denials.js'
import type { StateEvent } from '../events.js'
import { createReplays, type Replays } from '../replay/replays.js'
import { createRevocations, type RevocationRecords } from '../revocation/revocations.js'
import { type BreakGlassCheck, createBreakGlass } from '../store/break-glass.js'
import type { Store } from '../store/store.js'

/** What is remembered across requests and, with a shared store, across instances. */
export interface State {
  readonly revocations: RevocationRecords
  readonly denials: DenialCheck
  readonly replays: Replays
  readonly breakGlass: BreakGlassCheck
}

/** What it is made from. */
export interface StateContext {
  readonly store: Store
  /** For used signatures. */
  readonly replayStore: Store
  /** Seconds. */
  readonly signatureWindow: number
  /** Milliseconds. */
  readonly replayReportOnlyUntil: number
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
  /** Milliseconds that only ever grow. */
  readonly monotonic: () => number
  readonly report: (event: StateEvent) => void
}

/** Everything that rests on the store and is asked on each request. */
export function createState(env: StateContext): State {
  const { store, clock, report } = env
  const breakGlass = createBreakGlass(clock, env.monotonic, report)
  return {
    revocations: createRevocations(store, clock),
    denials: createDenials(store, clock, report),
    replays: createReplays({
      store: env.replayStore,
      breakGlass,
      window: env.signatureWindow,
      reportOnlyUntil: env.replayReportOnlyUntil,
      clock,
      report,
    }),
    breakGlass,
  }
}
