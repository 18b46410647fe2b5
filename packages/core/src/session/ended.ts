import { hash } from 'node:crypto'
import { findStop, type StopContext } from '../authentication/stops.js'
import type { EndMarks } from '../caller.js'
import { isUser } from '../identifiers.js'
import { instanceSkew } from '../limits.js'
import type { Store } from '../store/store.js'
import { latestVersion, versionId, writeNextVersion } from '../store/versions.js'
import type { BegunWith } from './begun-with.js'
import type { SessionClaims } from './session.js'

/** Which sessions to end, together with approvals that no agent has fetched yet. */
export type SessionSelection =
  /** Every session of this user, and everything this user has approved. */
  | { readonly user: string }
  /** Every session of this key, and everything approved for it: one agent, while it keeps its key. */
  | { readonly jkt: string }
  /** One session. */
  | { readonly id: string }

/** Records sessions that were ended early. */
export interface EndedSessions {
  /** Ends the selected sessions. */
  end(selection: SessionSelection): Promise<void>
  /** Ends the sessions that were begun with a revoked token. */
  endBegunWith: BegunWith['end']
  /** Records that something has begun with a token. */
  begunWith: BegunWith['begun']
  /** Whether what was begun with a token has been ended. */
  hasEnded: BegunWith['hasEnded']
  /** The marks of the last ends for this user and key, to be stored with a decision made now. */
  marks(who: Who): Promise<EndMarks>
  /** Whether sessions of this user or key have been ended since these marks. */
  since(who: Who, marks: EndMarks): Promise<boolean>
  /**
   * Whether this session has been ended, or the caller it was begun for is revoked or denied. Rejects when the store
   * fails.
   */
  has(claims: SessionClaims): Promise<boolean>
}

/** The user and key of a session. */
export interface Who {
  readonly jkt: string
  /** The application's own name of the person. */
  readonly user?: string | undefined
}

/** The dependencies of {@link createEndedSessions}. */
export interface EndedSessionsContext {
  /** Our identifier: a user of the same name elsewhere is another user. */
  readonly resource: string
  /** The longest time in seconds that a decision counts, as a session or while its result waits to be fetched. */
  readonly longest: number
  readonly store: Store
  readonly stops: StopContext
  readonly begunWith: BegunWith
}

/**
 * Creates the {@link EndedSessions} of a server. Each end writes a new mark, and each decision stores the marks of
 * its time. So a decision made before an end can be told from one made afterwards without comparing clocks, however
 * late it is delivered. A mark is a version ({@link latestVersion}): an earlier end that takes effect again later is not
 * the latest, so it does not revive what was ended since.
 */
export function createEndedSessions(context: EndedSessionsContext): EndedSessions {
  const { resource, longest, store, stops, begunWith } = context
  // Strangers choose these strings, so they are hashed.
  const key = (what: string, name: string): string =>
    `session-ended:${what}:${hash('sha256', `${resource}\n${name}`, 'base64url')}`
  const mark = async (name: string): Promise<void> => {
    await writeNextVersion(store, name, () => ['', longest + instanceSkew])
  }
  const last = async (name: string): Promise<string | undefined> => {
    const version = await latestVersion(store, name)
    return version === undefined ? undefined : versionId(version)
  }
  const marks = async ({ user, jkt }: Who): Promise<EndMarks> => {
    const [ofUser, ofKey] = await Promise.all([
      user === undefined ? undefined : last(key('user', user)),
      last(key('jkt', jkt)),
    ])
    return {
      ...(ofUser === undefined ? {} : { user: ofUser }),
      ...(ofKey === undefined ? {} : { jkt: ofKey }),
    }
  }
  const since = async (who: Who, known: EndMarks): Promise<boolean> => {
    const now = await marks(who)
    return isNewer(now.user, known.user) || isNewer(now.jkt, known.jkt)
  }
  return {
    async end(selection) {
      const given: unknown = selection
      const [[what, name] = [], ...more] = Object.entries(given ?? {})
      // A misspelt member would silently end no session.
      if (!selections.has(what) || !isUser(name) || more.length > 0)
        throw new TypeError("sessions.end: must name one user, one jkt or one id, such as { user: 'mom' }")
      if ('user' in selection) return mark(key('user', selection.user))
      return 'jkt' in selection ? mark(key('jkt', selection.jkt)) : mark(key('id', selection.id))
    },
    endBegunWith: (token) => begunWith.end(token),
    begunWith: (what, token, until) => begunWith.begun(what, token, until),
    hasEnded: (token) => begunWith.hasEnded(token),
    marks,
    since,
    async has(claims) {
      const { id, from } = claims
      const [itself, later, stop, ...ended] = await Promise.all([
        store.get(key('id', id)),
        since(claims, claims.marks),
        findStop(from, stops),
        ...from.map(({ token }) => begunWith.hasEnded(token)),
      ])
      return itself !== undefined || later || stop !== undefined || ended.includes(true)
    },
  }
}

const selections: ReadonlySet<unknown> = new Set(['user', 'jkt', 'id'])

// A mark that has expired is older than any session.
const isNewer = (mark: string | undefined, known: string | undefined): boolean =>
  mark !== undefined && mark !== known
