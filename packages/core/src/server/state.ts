import type { Subjects } from '../decision/subjects.js'
import { createDenials, type DenialCheck } from '../denial/denials.js'
import type { StateEvent, UntimedEvent } from '../events.js'
import { createReplays, type Replays } from '../replay/replays.js'
import { createRevocations, type RevocationRecords } from '../revocation/revocations.js'
import { type BreakGlassCheck, createBreakGlass } from '../store/break-glass.js'
import type { Store } from '../store/store.js'
import type { Deadlines } from '../time/deadline.js'
import type { UsersOptions } from '../users/options.js'
import { createUnlinks, type Unlinks } from '../users/unlinks.js'

/** The checks that read the store for each request. With a shared store, all instances agree. */
export interface State {
  readonly revocations: RevocationRecords
  readonly denials: DenialCheck
  readonly replays: Replays
  readonly breakGlass: BreakGlassCheck
  readonly unlinks: Unlinks
}

/** What these checks depend on. */
export interface StateContext {
  /** Our identifier. */
  readonly resource: string
  readonly users: UsersOptions | undefined
  readonly store: Store
  /** The store of used signatures. */
  readonly replayStore: Store
  /** Seconds. */
  readonly signatureWindow: number
  /** Milliseconds. */
  readonly replayReportOnlyUntil: number
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
  /** Milliseconds that only ever grow. */
  readonly monotonic: () => number
  /** How persons are named in events. */
  readonly subjects: Pick<Subjects, 'hashOf'>
  /** The longest time in seconds that something begun with a token can last. */
  readonly longest: number
  readonly deadlines: Deadlines
  readonly report: (event: UntimedEvent<StateEvent>, request?: object) => void
}

/** Creates the checks. */
export function createState(context: StateContext): State {
  const { store, clock, report } = context
  const breakGlass = createBreakGlass(clock, context.monotonic, report)
  return {
    revocations: createRevocations(store, clock),
    denials: createDenials(store, clock, report),
    replays: createReplays({
      store: context.replayStore,
      breakGlass,
      window: context.signatureWindow,
      reportOnlyUntil: context.replayReportOnlyUntil,
      clock,
      report,
    }),
    breakGlass,
    unlinks: createUnlinks(context),
  }
}
