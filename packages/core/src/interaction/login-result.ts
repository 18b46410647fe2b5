import { describeValue } from '../configuration/describe-value.js'
import { isUser } from '../identifiers.js'
import type { LoginResult, SignedIn } from './options.js'

/** The result of a login, with the user always as an object. */
type CheckedLogin = Exclude<LoginResult, string> | SignedIn

const expected =
  'must answer the user as a text, { user } with it, { redirect } to your login, or { abandoned: true }'

/**
 * Checks the result of the application's login.
 *
 * @param returnTo the path of our page
 * @throws TypeError that says what is wrong with it
 */
export function checkLogin(result: unknown, returnTo: string): CheckedLogin {
  if (isUser(result)) {
    // An empty name would make everybody who is not signed in the same user.
    if (result.startsWith('/') || result.includes(returnTo) || result.includes(encodeURIComponent(returnTo)))
      throw fault('answered a path where the user belongs; answer { redirect } with it')
    return { user: result }
  }
  if (typeof result !== 'object' || result === null)
    throw fault(`answered ${describeValue(result)}; ${expected}`)
  // Its other members belong to the application, even one named `status`.
  const { redirect, abandoned, user, name, data }: LoginMembers = result
  if (redirect !== undefined) return { redirect: checkRedirect(redirect, returnTo) }
  if (abandoned === true) return { abandoned: true }
  if (user === undefined) throw fault(`answered ${describeValue(result)} without user; ${expected}`)
  if (!isUser(user)) throw fault(`answered { user } with ${describeValue(user)}; it must be a text`)
  if (name !== undefined && !isUser(name))
    throw fault(`answered { name } with ${describeValue(name)}; it must be a text`)
  return { user, ...(name === undefined ? {} : { name }), ...(data === undefined ? {} : { data }) }
}

type LoginMembers = Partial<Record<'redirect' | 'abandoned' | keyof SignedIn, unknown>>

/** Checks a redirect to a page: a text that can be sent in a header field. */
function checkRedirect(redirect: unknown, returnTo: string): string {
  if (!isUser(redirect))
    throw fault(`answered { redirect } with ${describeValue(redirect)}; it must be where people sign in`)
  const base = 'https://here.invalid'
  const isText = /^[\x21-\x7e\xa1-\xff]+$/.test(redirect) && URL.canParse(redirect, base)
  if (!isText || !/^https?:$/.test(new URL(redirect, base).protocol))
    throw fault('redirect must be a path or an http(s) URL, encoded as URLs are')
  if (redirect === returnTo)
    throw fault('answered { redirect } with returnTo, which is this page; it must be where people sign in')
  return redirect
}

function fault(what: string): TypeError {
  return new TypeError(`option interaction.login: ${what}`)
}
