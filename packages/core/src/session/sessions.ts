import { hash, randomBytes, randomUUID } from 'node:crypto'
import type { Connected, TokenCaller, TokenName } from '../caller.js'
import type { Report } from '../events.js'
import { type Answer, jsonAnswer } from '../http/message.js'
import { instanceSkew } from '../limits.js'
import type { Approved, PendingRecord } from '../pending/record.js'
import type { Store } from '../store/store.js'
import type { SessionCodec } from './codec.js'
import type { EndedSessions, SessionSelection } from './ended.js'
import type { SessionSettings } from './options.js'
import type { SessionClaims } from './session.js'

/** The operations on sessions for the application. */
export interface Sessions {
  /** Ends sessions at once, in every process. New ones may begin afterwards. */
  end(selection: SessionSelection): Promise<void>
}

/** A session found on a request. */
export interface FoundSession {
  readonly connected: Connected
  /** Makes the token that replaces the one sent, when it is time. */
  readonly renew?: () => Promise<string>
}

/** {@link Sessions} with the operations that route guards and polls use. */
export interface SessionService extends Sessions {
  /** Begins a session: `200` with `AAuth-Access`. */
  begin(
    record: Pick<PendingRecord, 'origins' | 'jkt' | 'session'>,
    approval: Omit<Approved, 'outcome'>,
  ): Promise<Answer>
  /** The marks of the ends so far, for this user and key. */
  marks: EndedSessions['marks']
  /** Whether there have been further ends since these marks. */
  endedSince: EndedSessions['since']
  /** Records that a pending request was begun with a token. @param until when it is forgotten, in milliseconds */
  waitsWith(token: TokenName, until: number): Promise<void>
  /** Ends the sessions and pending requests that were begun with a revoked token. */
  endBegunWith(token: TokenName): Promise<void>
  /** Whether what was begun with a token has been ended. */
  hasEnded(token: TokenName): Promise<boolean>
  /** The session of a token, if it is alive and belongs to this caller's key. Rejects when the store fails. */
  find(token: string, caller: TokenCaller): Promise<FoundSession | undefined>
}

/** The dependencies of {@link createSessions}. */
export interface SessionsContext {
  readonly resource: string
  readonly settings: SessionSettings
  readonly codec: SessionCodec
  readonly ended: EndedSessions
  readonly store: Store
  readonly report: Report
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
}

/** Creates the {@link SessionService} of a server. */
export function createSessions(context: SessionsContext): SessionService {
  const { resource, settings, codec, ended, store, report, clock } = context

  const isAlive = (claims: SessionClaims, caller: TokenCaller): boolean =>
    claims.aud === resource &&
    claims.jkt === caller.jkt &&
    clock() < claims.exp &&
    clock() < claims.began + settings.maxAge * 1000

  /** When this token was replaced, and with which salt; `undefined` while it is the newest. */
  const successorOf = async ({ id, round }: SessionClaims): Promise<Successor | undefined> => {
    const text = await store.get(renewedKey(id, round))
    const [at, salt] = text?.split(' ') ?? []
    return at === undefined ? undefined : { at: Number(at), salt: salt ?? '' }
  }

  /**
   * Makes the next token. Every request within the grace period gets the same one, so that a lost answer does not
   * cost the session. The old token ends one grace period after the next was first given out (G-34). There is one
   * token for each round: the first request claims it, and its name is derived from the old token and a salt that
   * only the store knows.
   */
  const renew = async (
    token: string,
    claims: SessionClaims,
    known: Successor | undefined,
  ): Promise<string> => {
    const { at, salt } = known ?? (await claimRound(token, claims))
    const next = {
      ...claims,
      round: claims.round + 1,
      issued: at,
      exp: Math.min(at + settings.lifetime * 1000, claims.began + settings.maxAge * 1000),
    }
    return codec.seal(next, hash('sha256', `${salt} ${token}`, 'base64url'))
  }

  const claimRound = async (token: string, claims: SessionClaims): Promise<Successor> => {
    const mine = { at: clock(), salt: randomBytes(32).toString('base64url') }
    const ttl = Math.max(1, Math.ceil((claims.exp - mine.at) / 1000) + settings.grace + instanceSkew)
    const won = await store.claim(renewedKey(claims.id, claims.round), `${mine.at} ${mine.salt}`, ttl)
    if (!won) return (await successorOf(claims)) ?? mine
    // Instances' clocks differ; whether the grace period is over is decided by the round, not by this expiry.
    await codec.replaced(token, claims, Math.min(ttl, settings.grace + 2 * instanceSkew))
    return mine
  }

  return {
    async end(selection) {
      await ended.end(selection)
      report({ name: 'sessions-ended' })
    },
    waitsWith: (token, until) => ended.begunWith('request', token, until),
    endBegunWith: (token) => ended.endBegunWith(token),
    hasEnded: (token) => ended.hasEnded(token),
    marks: (who) => ended.marks(who),
    endedSince: (who, marks) => ended.since(who, marks),
    async begin(record, { user, data, at, marks }) {
      const now = clock()
      const { origins, session } = record
      const scope = session?.scope ?? []
      // Counted from now, so that a later record for the same token never has an earlier time.
      const until = now + settings.maxAge * 1000
      await Promise.all(origins.map((origin) => ended.begunWith('session', origin.token, until)))
      const token = await codec.seal({
        id: randomUUID(),
        round: 0,
        aud: resource,
        jkt: record.jkt,
        user: user as string,
        scope,
        ...(data === undefined ? {} : { data }),
        from: origins,
        marks,
        began: at,
        issued: now,
        exp: Math.min(now + settings.lifetime * 1000, at + settings.maxAge * 1000),
      })
      report({ name: 'session-begun', scope })
      return jsonAnswer(
        { status: 'authorized', ...(scope.length === 0 ? {} : { scope: scope.join(' ') }) },
        { 'AAuth-Access': token, 'Cache-Control': 'no-store' },
      )
    },
    async find(token, caller) {
      const claims = await codec.open(token)
      if (claims === undefined || !isAlive(claims, caller) || (await ended.has(claims))) return undefined
      const replaced = await successorOf(claims)
      if (replaced !== undefined && clock() > replaced.at + settings.grace * 1000) return undefined
      const connected = connect(claims, caller)
      const due = replaced !== undefined || clock() - claims.issued >= settings.renewAfter * 1000
      return due ? { connected, renew: () => renew(token, claims, replaced) } : { connected }
    },
  }
}

/** The successor of a session token: when it was claimed, in milliseconds, and the salt for its name. */
interface Successor {
  readonly at: number
  readonly salt: string
}

const renewedKey = (id: string, round: number): string => `session-renewed:${id}:${round}`

function connect({ id, user, scope, data, began }: SessionClaims, caller: TokenCaller): Connected {
  return Object.freeze({
    kind: 'session',
    user,
    scope: Object.freeze([...scope]),
    ...(data === undefined ? {} : { data }),
    session: Object.freeze({ id, began: Math.floor(began / 1000) }),
    by: caller,
    jkt: caller.jkt,
    token: caller.token,
  })
}
