import { randomUUID } from 'node:crypto'
import { escapeHtml, type InteractionOptions } from '@countersign/core'

/** A stand-in for the login of the application that the target pretends to be: `mom`, password `mom`, and `dad`, password `dad`. */
export interface Login {
  /** What our page asks. */
  readonly interaction: InteractionOptions
  /** `GET /login`. */
  page(next: string | undefined, failed?: boolean): string
  /** `POST /login`: where to go and with which cookie, or nothing when name or password are wrong. */
  signIn(form: URLSearchParams): { readonly location: string; readonly cookie: string } | undefined
}

const people: ReadonlySet<string> = new Set(['mom', 'dad'])
const cookieName = 'target-session'

function createLogin(): Login {
  const sessions = new Map<string, string>()
  const userOf = (cookies = ''): string | undefined => {
    const pairs = cookies.split(';').map((pair) => pair.trim().split('='))
    return sessions.get(pairs.find(([name]) => name === cookieName)?.[1] ?? '')
  }
  return {
    interaction: {
      login({ request, returnTo }) {
        // Both frameworks' requests have Node's headers.
        const { cookie } = (request.raw as { readonly headers: Readonly<Record<string, string | undefined>> })
          .headers
        return userOf(cookie) ?? { redirect: `/login?next=${encodeURIComponent(returnTo)}` }
      },
      // The target speaks plain HTTP on loopback.
      insecureCookie: true,
    },
    page: (next, failed = false) => loginPage(safeNext(next), failed),
    signIn(form) {
      const name = form.get('username') ?? ''
      if (!people.has(name) || form.get('password') !== name) return undefined
      const id = randomUUID()
      sessions.set(id, name)
      const cookie = `${cookieName}=${id}; Path=/; HttpOnly; SameSite=Lax`
      return { location: safeNext(form.get('next') ?? undefined), cookie }
    },
  }
}

/** The one login of every target in this process; its sessions live in memory. */
export const login: Login = createLogin()

// Back to the page that sent the person here, and nowhere else.
function safeNext(next: string | undefined): string {
  return next !== undefined && /^\/aauth\/interact\/[\w-]+$/.test(next) ? next : '/login'
}

function loginPage(next: string, failed: boolean): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Sign in</title>
<h1>Sign in</h1>
${failed ? '<p role="alert">Name or password is wrong.</p>' : ''}
<form method="post" action="/login">
<input type="hidden" name="next" value="${escapeHtml(next)}">
<p><label>Name <input name="username" autocomplete="username" required></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label></p>
<p><button>Sign in</button></p>
</form>
</html>
`
}

/** The one value of a query parameter; frameworks make lists of repeated ones. */
export function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
