import { describeValue } from '../describe-value.js'
import { isUser } from '../identifiers.js'
import type { LoginResult, SignedIn } from './options.js'

/** What a login has answered, with a user in one shape. */
type CheckedLogin = Exclude<LoginResult, string> | SignedIn

const expected =
  'must answer the user as a text, { user } with it, { redirect } to your login, or { abandoned: true }'

/**
 * Checks what the application's login has answered.
 *
 * @param returnTo the path of our page
 * @throws TypeError that says what is wrong with it
 */
export function checkLogin(result: unknown, returnTo: string): CheckedLogin {
  if (isUser(result)) {
    // Whoever is not signed in would be one user with everybody else who is not.
    if (result.startsWith('/') || result.includes(returnTo) || result.includes(encodeURIComponent(returnTo)))
      throw fault('answered a path where the user belongs; answer { redirect } with it')
    return { user: result }
  }
  if (typeof result !== 'object' || result === null)
    throw fault(`answered ${describeValue(result)}; ${expected}`)
  if ('redirect' in result && result.redirect !== undefined)
    return { redirect: checkRedirect(result.redirect, returnTo) }
  if ('abandoned' in result && result.abandoned === true) return { abandoned: true }
  if (!('user' in result)) throw fault(`answered ${describeValue(result)} without user; ${expected}`)
  if (!isUser(result.user))
    throw fault(`answered { user } with ${describeValue(result.user)}; it must be a text`)
  if ('name' in result && result.name !== undefined && !isUser(result.name))
    throw fault(`answered { name } with ${describeValue(result.name)}; it must be a text`)
  return result as SignedIn
}

function checkRedirect(redirect: unknown, returnTo: string): string {
  if (!isUser(redirect))
    throw fault(`answered { redirect } with ${describeValue(redirect)}; it must be where people sign in`)
  if (!/^[\x21-\x7e]+$/.test(redirect))
    throw fault('answered { redirect } with characters that no URL has; encode them')
  if (redirect === returnTo)
    throw fault('answered { redirect } with returnTo, which is this page; it must be where people sign in')
  return redirect
}

function fault(what: string): TypeError {
  return new TypeError(`option interaction.login: ${what}`)
}
