import type { Awaitable } from '../awaitable.js'
import type { Grant, Person, PersonIdentifier } from '../caller.js'
import type { HttpRequest } from '../http/message.js'
import { inquiryOf, type RequestView, viewNoted } from '../http/request-view.js'
import type { Deadline, Deadlines } from '../time/deadline.js'

/** The person for whom a resource token will ask for a grant. */
export interface LoginHintQuestion<Raw = unknown> extends Deadline {
  readonly person: PersonIdentifier
  /** The organisation that the person acts within this time. */
  readonly tenant?: string
  readonly request: RequestView<Raw>
}

/** The option `loginHint`. */
export type LoginHint<Raw = unknown> = (
  question: LoginHintQuestion<Raw>,
) => Awaitable<string | null | undefined>

/** The login hint for a caller's person; `undefined` if there is none. */
export type FindLoginHint = (caller: Person | Grant, request: HttpRequest) => Awaitable<string | undefined>

/** Limit on the characters. A mail address has at most 254. */
const longest = 512

const unprintable = /[\p{C}\p{Zl}\p{Zp}]/u

/** @throws TypeError when the result is neither a hint nor nothing */
function checkLoginHint(hint: unknown): string | undefined {
  if (hint === undefined || hint === null) return undefined
  if (typeof hint === 'string' && hint.trim() !== '' && hint.length <= longest && !unprintable.test(hint))
    return hint
  throw new TypeError(
    `option loginHint: must answer printable text of ${longest} characters at most, or undefined where nothing is known`,
  )
}

/** Creates the {@link FindLoginHint} of a server. */
export function createLoginHint(loginHint: LoginHint | undefined, deadlines: Deadlines): FindLoginHint {
  if (loginHint === undefined) return () => undefined
  return async ({ person, tenant }, request) => {
    const asked = { person, request: viewNoted(request), ...(tenant === undefined ? {} : { tenant }) }
    return checkLoginHint(
      await deadlines.ask(Object.assign(inquiryOf(request), asked), loginHint, 'loginHint'),
    )
  }
}
