import { hash } from 'node:crypto'
import type { Revocations } from '../revocation/revocations.js'
import type { Store } from '../store/store.js'
import type { SessionSettings } from './options.js'
import type { SessionClaims } from './session.js'

/** Which sessions are to end. */
export type SessionSelection =
  /** Every session of this person. */
  | { readonly user: string }
  /** Every session of this key: of one agent, as long as it keeps its key. */
  | { readonly jkt: string }
  /** One session. */
  | { readonly id: string }

/** What has been ended before its time. */
export interface EndedSessions {
  end(selection: SessionSelection): Promise<void>
  /** Ends what was begun with a token that its issuer has withdrawn. */
  endBegunWith(token: { readonly iss: string; readonly jti: string }): Promise<void>
  has(claims: SessionClaims): Promise<boolean>
}

/** @param clock milliseconds, as `Date.now` */
export function createEndedSessions(
  settings: SessionSettings,
  store: Store,
  revocations: Revocations,
  clock: () => number,
): EndedSessions {
  // Strangers' strings of any length and alphabet.
  const key = (what: string, name: string): string =>
    `session-ended:${what}:${hash('sha256', name, 'base64url')}`
  const mark = async (name: string): Promise<void> => store.put(name, String(clock()), settings.maxAge)
  const tokenName = ({ iss, jti }: { readonly iss: string; readonly jti: string }): string => `${iss}\n${jti}`
  return {
    end(selection) {
      if ('user' in selection) return mark(key('user', selection.user))
      return 'jkt' in selection ? mark(key('jkt', selection.jkt)) : mark(key('id', selection.id))
    },
    endBegunWith: (token) => mark(key('token', tokenName(token))),
    async has({ id, user, jkt, from, began }) {
      const names = [key('id', id), key('user', user), key('jkt', jkt)]
      if (from !== undefined) names.push(key('token', tokenName(from)))
      const marks = await Promise.all(names.map(async (name) => store.get(name)))
      // Somebody who was shown the door may come back: only what began before counts as ended.
      if (marks.some((at) => at !== undefined && began <= Number(at))) return true
      return from !== undefined && (await revocations.has(from))
    },
  }
}
