import { describe, expect, it } from 'vitest'
import { checkLogin } from './login-result.js'

const returnTo = '/aauth/interact/gugS_UdSf8R-KA8zp5VP3g'
const check = (answer: unknown) => () => checkLogin(answer, returnTo)

describe('what a login answers', () => {
  it.each([
    ['mom', { user: 'mom' }],
    ['77', { user: '77' }],
    [
      { user: 'mom', name: undefined },
      { user: 'mom', name: undefined },
    ],
    // Names that begin like a path are said as what they are: so do those of certificates.
    [{ user: '/C=DE/CN=mom' }, { user: '/C=DE/CN=mom' }],
    ['https://mom.example/#me', { user: 'https://mom.example/#me' }],
    [
      { redirect: undefined, user: 'mom' },
      { redirect: undefined, user: 'mom' },
    ],
    [{ redirect: `/login?next=${returnTo}` }, { redirect: `/login?next=${returnTo}` }],
    [{ redirect: 'https://login.example/?a=%C3%A9' }, { redirect: 'https://login.example/?a=%C3%A9' }],
    [{ abandoned: true }, { abandoned: true }],
  ])('%j', (answer, checked) => {
    expect(check(answer)()).toEqual(checked)
  })

  it.each([
    [7, 'answered a number; must answer the user as a text'],
    [undefined, 'answered undefined; must answer the user as a text'],
    [false, 'answered false; must'],
    [' ', 'answered a text; must'],
    ['', 'answered an empty text; must'],
    [['mom'], 'answered a list without user; must'],
    [{ url: '/login' }, 'answered an object without user; must'],
    [{ abandoned: false }, 'answered an object without user; must'],
    [{ user: 7 }, 'answered { user } with a number; it must be a text'],
    [{ user: 'mom', name: 7 }, 'answered { name } with a number; it must be a text'],
    // Whoever is not signed in, as one user for all.
    ['/login', 'answered a path where the user belongs; answer { redirect } with it'],
    [`https://login.example/?next=${returnTo}`, 'answered a path where the user belongs'],
    [`https://login.example/?next=${encodeURIComponent(returnTo)}`, 'answered a path where the user belongs'],
    [{ redirect: '' }, 'answered { redirect } with an empty text'],
    [
      { redirect: '/login\r\nSet-Cookie: a=b' },
      'redirect must be a path or an http(s) URL, encoded as URLs are',
    ],
    [{ redirect: '/вход' }, 'redirect must be a path or an http(s) URL, encoded as URLs are'],
    [{ redirect: returnTo }, 'answered { redirect } with returnTo, which is this page'],
  ])('%j is a fault', (answer, message) => {
    expect(check(answer)).toThrow(TypeError)
    expect(check(answer)).toThrow(`option interaction.login: ${message}`)
  })
})
