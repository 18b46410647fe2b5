import { createHash } from 'node:crypto'
import type { Awaitable } from '../awaitable.js'
import { andThen, isPromiseLike } from '../awaitable.js'
import { Refusal, refuse } from '../errors.js'
import type { StateEvent, UntimedEvent } from '../events.js'
import { type HttpRequest, hasBody } from '../http/message.js'
import { instanceSkew } from '../limits.js'
import type { ReadSignature } from '../signature/read.js'
import { baseComponents } from '../signature/required.js'
import type { BreakGlassCheck } from '../store/break-glass.js'
import type { Store } from '../store/store.js'
import { headOf, latestVersion, type Version, writeVersion } from '../store/versions.js'

/** The methods on which a signature is accepted only once: none, unsafe ones, or all. */
export type ReplayMode = 'off' | 'unsafe' | 'all'

/** The mode for a value of the option `replay`. */
export function replayMode(word: boolean | 'all'): ReplayMode {
  if (word === 'all') return 'all'
  return word ? 'unsafe' : 'off'
}

/** The used signatures; the check for replays. */
export interface Replays {
  /** Keeps the verified signature of a request until the request is served or refused, if it is accepted only once. */
  keep(request: HttpRequest, read: ReadSignature, jkt: string, mode: ReplayMode): void
  /** Records the signature of a request that is about to be served as used. @returns a refusal if it was used before */
  use(request: HttpRequest, mode: ReplayMode): Awaitable<Refusal | undefined>
  /**
   * Releases the signature of a request that was challenged or refused after all, so that it counts as unused. Never
   * rejects.
   */
  giveBack(request: HttpRequest): Awaitable<void>
}

/** The dependencies of {@link createReplays}. */
export interface ReplayContext {
  readonly store: Store
  readonly breakGlass: BreakGlassCheck
  /** Seconds by which `created` may differ from our clock, in either direction. */
  readonly window: number
  /** Milliseconds until which replays are only reported. */
  readonly reportOnlyUntil: number
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
  readonly report: (event: UntimedEvent<StateEvent>, request?: HttpRequest) => void
}

// RFC 9110, 9.2.1: these methods are not meant to change anything.
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** A verified signature, kept until its request is served or refused. */
interface Kept {
  readonly read: ReadSignature
  readonly jkt: string
}

/** The use that a request has recorded. */
interface Own {
  readonly key: string
  readonly version: Version
  /** Milliseconds until which it is remembered. */
  readonly until: number
}

/** The values of a signature's versions. */
const used = 'used'
const unused = 'unused'
const firstUse: Version = { series: '', number: 1, value: used }
const firstValue = headOf(firstUse)

const servesOnce = (mode: ReplayMode, method: string): boolean =>
  mode === 'all' || (mode === 'unsafe' && !safeMethods.has(method))

/**
 * Makes each signature usable once, identified by its key and the SHA-256 of its signature base. Not by the bytes of
 * the signature, because an ECDSA signature has a second valid form (G-29). A use is remembered for as long as any
 * instance accepts its `created`. A challenge or a refusal uses up nothing: nothing was done, and agents repeat the
 * Keyed by a request's own field lines, which are the same for the guard of a router and that of its route.
 */
export function createReplays(context: ReplayContext): Replays {
  const { store, breakGlass, clock, report } = context
  // Keyed by a request's own field lines, which are the same for the guard of a router and that of its route.
  const kept = new WeakMap<HttpRequest['rawHeaders'], Kept>()
  const own = new WeakMap<HttpRequest['rawHeaders'], Own>()
  // For refusals, checking this flag is cheaper than a lookup in that map.
  let isInUse = false

  const secondsUntil = (until: number): number => Math.max(1, (until - clock()) / 1000)

  /** @returns the version that records the use; `undefined` if the signature was used before */
  const claim = (key: string, until: number): Awaitable<Version | undefined> => {
    const ttl = secondsUntil(until)
    return andThen(store.claim(key, firstValue, ttl), (isFirst) =>
      isFirst
        ? firstUse
        : andThen(latestVersion(store, key), (latest) =>
            latest?.value === unused ? writeVersion(store, key, latest, used, ttl) : undefined,
          ),
    )
  }

  const judge = (first: boolean, request: HttpRequest, read: ReadSignature): Refusal | undefined => {
    if (first) return undefined
    if (clock() >= context.reportOnlyUntil) return refuseReplay(request, read)
    report({ name: 'replay-reported' }, request)
    return undefined
  }

  const unavailable = (cause: unknown): Refusal | undefined => {
    const refusal = breakGlass.refuse('replay', cause)
    return clock() < context.reportOnlyUntil ? undefined : refusal
  }

  return {
    keep(request, read, jkt, mode) {
      if (servesOnce(mode, request.method)) kept.set(request.rawHeaders, { read, jkt })
    },
    use(request, mode) {
      const signature = servesOnce(mode, request.method) ? kept.get(request.rawHeaders) : undefined
      if (signature === undefined) return undefined
      const { read, jkt } = signature
      const key = replayKey(jkt, read.base)
      if (own.get(request.rawHeaders)?.key === key) return undefined
      // So that no instance accepts a signature that is forgotten. Freshness is judged in whole seconds, hence one
      // more.
      const until = (read.created + context.window + 1 + instanceSkew) * 1000
      const first = andThen(claim(key, until), (version) => {
        if (version !== undefined) {
          isInUse = true
          own.set(request.rawHeaders, { key, version, until })
        }
        return judge(version !== undefined, request, read)
      })
      return isPromiseLike(first) ? first.catch(unavailable) : first
    },
    giveBack(request) {
      if (!isInUse) return undefined
      const recorded = own.get(request.rawHeaders)
      if (recorded === undefined) return undefined
      own.delete(request.rawHeaders)
      const { key, version, until } = recorded
      const gone = writeVersion(store, key, version, unused, secondsUntil(until))
      // A signature that cannot be given back stays used; the failure of the store has been reported.
      return isPromiseLike(gone) ? gone.then(ignore, ignore) : undefined
    },
  }
}

const ignore = (): void => {}

function replayKey(jkt: string, base: Uint8Array): string {
  return `replay:${createHash('sha256').update(jkt).update('\n').update(base).digest('base64url')}`
}

/**
 * The refusal of a replay. If query or content is not covered, two honest calls in one second may differ in nothing
 * that is signed, so the agent is asked to cover them. That helps no attacker, who cannot sign.
 */
function refuseReplay(request: HttpRequest, read: ReadSignature): Refusal {
  const covers = (...names: readonly string[]): boolean => names.some((name) => read.covered.includes(name))
  const missing: string[] = []
  if (request.target.includes('?') && !covers('@query', '@target-uri', '@request-target'))
    missing.push('@query')
  if (hasBody(request) && !covers('content-digest')) missing.push('content-digest')
  if (missing.length === 0)
    return refuse('invalid_signature', 'The signature has been used before; sign each request anew')
  return new Refusal('invalid_input', {
    detail: 'The signature has been used before; sign again, and cover the components in required_input',
    requiredInput: [...new Set([...baseComponents, ...read.covered, ...missing])],
  })
}
