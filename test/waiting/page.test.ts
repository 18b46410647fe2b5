import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adapters, resource } from '../target/start.js'
import { errorOf, interactionOf, locationOf, openStage, type Stage } from './stage.js'
import { tokenOf, type Visited, Visitor } from './visitor.js'

describe.each(adapters)('the interaction page [adapter %s]', (adapter) => {
  let stage: Stage
  let visitor: Visitor
  let pending: string
  let page: string
  let code: string
  const open = async (options: Parameters<typeof openStage>[1] = {}): Promise<void> => {
    stage = await openStage(adapter, options)
    visitor = new Visitor(stage.town)
    const first = await stage.sam.request({ url: `${resource}/session` })
    pending = locationOf(first)
    const { url, code: given } = interactionOf(first)
    page = new URL(url).pathname
    code = given
  }
  beforeEach(() => open())
  afterEach(() => stage.close())

  const poll = (): Promise<Response> => stage.sam.request({ url: pending })
  const arrive = (who = visitor, typed = code): Promise<Visited> => who.request(`${page}?code=${typed}`)

  it('says who wants what, and to whom it speaks (R-242)', async () => {
    const consent = await visitor.open(`${page}?code=${code}`)
    expect(consent.status).toBe(200)
    for (const words of [
      stage.sam.identifier,
      'ap.example',
      'rs.example',
      'Signed in as <strong dir="auto">mom</strong>',
      'Connect an agent to <bdi>rs.example</bdi>?',
      'not used it for <bdi>7 days</bdi>, and after <bdi>30 days</bdi> in any case',
    ])
      expect(consent.text).toContain(words)
    expect(consent.text).not.toContain('Not you?')
    expect(consent.text).not.toContain('<script')
  })

  it('is not kept, framed, sniffed or told of elsewhere (R-241)', async () => {
    for (const visited of [
      await arrive(),
      await visitor.open(page),
      await arrive(new Visitor(stage.town), 'x'),
    ]) {
      expect(visited.headers.get('cache-control')).toBe('no-store')
      expect(visited.headers.get('referrer-policy')).toBe('no-referrer')
      expect(visited.headers.get('x-content-type-options')).toBe('nosniff')
      expect(visited.headers.get('x-frame-options')).toBe('DENY')
    }
    const policy = (await visitor.open(page)).headers.get('content-security-policy')
    expect(policy).toMatch(/^default-src 'none'; style-src 'nonce-[^']+'; /)
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).toContain("form-action 'self'")
  })

  it('spends the code on the first browser; that one may go on and reload (R-232, N-149)', async () => {
    const first = await arrive()
    expect([first.status, first.headers.get('location')]).toEqual([303, page])
    expect(first.headers.get('set-cookie')).toMatch(/; HttpOnly; SameSite=Lax/)
    const other = await arrive(new Visitor(stage.town))
    expect([other.status, other.text]).toEqual([410, expect.stringContaining('invalid_code')])
    expect((await visitor.open(page)).text).toContain('Approve')
    expect((await visitor.open(`${page}?code=${code}`)).text).toContain('Approve')
  })

  it('says that the browser did not keep the cookie, to whoever was sent on a moment ago', async () => {
    const first = await arrive(new Visitor(stage.town))
    expect(first.status).toBe(303)
    const lost = await new Visitor(stage.town).request(page)
    expect([lost.status, lost.text]).toEqual([410, expect.stringContaining('interaction.insecureCookie')])
    // With the code it is only one that has been used.
    const again = await arrive(new Visitor(stage.town))
    expect([again.status, again.text.includes('insecureCookie')]).toEqual([410, false])
    stage.pass(11)
    const late = await new Visitor(stage.town).request(page)
    expect([late.status, late.text.includes('insecureCookie')]).toEqual([410, false])
  })

  it('spends no code on previews', async () => {
    expect((await visitor.request(`${page}?code=${code}`, { method: 'HEAD' })).status).toBe(200)
    const headers = { 'Sec-Purpose': 'prefetch;prerender' }
    expect((await visitor.request(`${page}?code=${code}`, { headers })).status).toBe(503)
    expect((await arrive()).status).toBe(303)
  })

  it('takes the code as people type it (R-230, N-154)', async () => {
    const typed = code.toLowerCase().replace('-', '').replaceAll('0', 'o').replaceAll('1', 'l')
    expect((await arrive(visitor, `${typed.slice(0, 3)}-${typed.slice(3)}`)).status).toBe(303)
  })

  it('asks for the code where the link has none', async () => {
    const asked = await visitor.open(page)
    expect([asked.status, asked.text]).toEqual([200, expect.stringContaining('<label for="code">')])
  })

  it('dies of five wrong codes (R-233, N-148, N-151, N-153)', async () => {
    for (const wrong of ['00000000', 'UUUUUUUU', '*', code.slice(1), '']) {
      const answer = await arrive(visitor, encodeURIComponent(wrong))
      expect([wrong, answer.status]).toEqual([wrong, 410])
    }
    expect((await arrive()).status).toBe(410)
    const answer = await poll()
    expect([answer.status, await errorOf(answer)]).toEqual([410, 'invalid_code'])
  })

  it('does not die of four', async () => {
    for (let i = 0; i < 4; i++) await arrive(visitor, '00000000')
    expect((await arrive()).status).toBe(303)
  })

  it('ends with its request (R-234, N-152)', async () => {
    stage.pass(600)
    const late = await arrive()
    expect([late.status, late.text]).toEqual([408, expect.stringContaining('expired')])
  })

  it('answers programs in their own language', async () => {
    const answer = await stage.town.fetch(`${resource}${page}?code=wrong`)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect([answer.status, await errorOf(answer)]).toEqual([410, 'invalid_code'])
    expect((await stage.town.fetch(`${resource}/aauth/interact/${'x'.repeat(22)}?code=y`)).status).toBe(410)
  })

  it('lets no code decide: only somebody signed in, in the browser that arrived (R-231, N-158)', async () => {
    const stranger = await new Visitor(stage.town).post(page, { decision: 'approve', token: 'x', code })
    expect(stranger.status).toBe(403)
    await arrive()
    const unsigned = await visitor.post(page, { decision: 'approve', token: 'x', code })
    expect([unsigned.status, unsigned.headers.get('location')]).toEqual([
      303,
      expect.stringMatching(/^\/login\?next=/),
    ])
    const consent = await visitor.open(page)
    const forged = await visitor.post(page, { decision: 'approve', token: 'x' })
    expect(forged.status).toBe(403)
    const neither = await visitor.post(page, { decision: 'perhaps', token: tokenOf(consent) })
    expect(neither.status).toBe(400)
    expect((await poll()).status).toBe(202)
  })

  it('shows the outcome when there is no callback, and decides once (R-237)', async () => {
    const consent = await visitor.open(`${page}?code=${code}`)
    const decided = await visitor.decide(consent, 'approve')
    expect([decided.status, decided.headers.get('location')]).toEqual([303, page])
    expect((await visitor.open(page)).text).toContain('You approved')
    await visitor.decide(consent, 'decline')
    expect((await visitor.open(page)).text).toContain('You approved')
    expect((await poll()).status).toBe(200)
  })

  it('leads back to the provider’s callback, on success and on failure (R-235, R-237, R-238, N-157, R-305)', async () => {
    const callback = 'https://ap.example/cb?state=7'
    const back = async (decision: 'approve' | 'decline'): Promise<string | null> => {
      const first = await stage.sam.request({ url: `${resource}/session` })
      const { url, code } = interactionOf(first)
      const who = new Visitor(stage.town)
      const consent = await who.open(`${url}?code=${code}&callback=${encodeURIComponent(callback)}`)
      expect(consent.headers.get('content-security-policy')).toContain(
        "form-action 'self' https://ap.example;",
      )
      return (await who.decide(consent, decision)).headers.get('location')
    }
    expect(await back('approve')).toBe(callback)
    expect(await back('decline')).toBe(`${callback}&error=access_denied`)
  })

  it('tells the callback and the agent of the same ending by their own names (R-238, R-305)', async () => {
    const callback = encodeURIComponent('https://ap.example/cb')
    await visitor.open(`${page}?code=${code}&callback=${callback}`)
    stage.pass(600)
    const late = await visitor.open(page)
    expect(late.headers.get('location')).toBe('https://ap.example/cb?error=interaction_expired')
    expect(await errorOf(await poll())).toBe('expired')
    await stage.close()
    await open({ interaction: { login: () => ({ abandoned: true }), insecureCookie: true } })
    const left = await visitor.open(`${page}?code=${code}&callback=${callback}`)
    expect(left.headers.get('location')).toBe('https://ap.example/cb?error=user_abandoned')
    expect(await errorOf(await poll())).toBe('abandoned')
  })

  it('is no open redirect: a strange callback spends nothing and leads nowhere (N-155, N-156)', async () => {
    for (const callback of [
      'javascript:alert(1)',
      'https://evil.example/',
      'http://localhost:1/cb',
      'data:,x',
    ]) {
      const refused = await visitor.request(`${page}?code=${code}&callback=${encodeURIComponent(callback)}`)
      expect([callback, refused.status, refused.headers.get('location')]).toEqual([callback, 400, null])
    }
    expect((await arrive()).status).toBe(303)
  })

  it('escapes what strangers say', async () => {
    await stage.close()
    const login = () => ({ user: 'mom', name: '<img src=x onerror=alert(1)>\u202e' })
    await open({ interaction: { login, insecureCookie: true } })
    const consent = await visitor.open(`${page}?code=${code}`)
    expect(consent.text).toContain('&lt;img src=x onerror=alert(1)&gt;\ufffd')
  })

  it('leads somebody else out, and back to it (R-231)', async () => {
    await stage.close()
    const signOut = ({ returnTo }: { returnTo: string }) => `/logout?next=${encodeURIComponent(returnTo)}`
    await open({ interaction: { login: () => 'mom', signOut, insecureCookie: true } })
    const consent = await visitor.open(`${page}?code=${code}`)
    expect(consent.text).toContain(`<a href="/logout?next=${encodeURIComponent(page)}">Not you? Sign out</a>`)
    await stage.aauth.pending.deny(pending.slice(pending.lastIndexOf('/') + 1))
    expect((await visitor.open(page)).text).not.toContain('Not you?')
  })

  it.each(['//evil.example/', 'javascript:alert(1)', 'logout', undefined])(
    'has no link that leads to %s',
    async (to) => {
      await stage.close()
      const signOut = () => to as string
      await open({ interaction: { login: () => 'mom', signOut, insecureCookie: true } })
      const failed = await visitor.open(`${page}?code=${code}`)
      expect([failed.status, failed.text.includes('Approve')]).toEqual([500, false])
    },
  )

  it('may be the application’s own', async () => {
    await stage.close()
    const own = (view: { page: string; nonce: string }): string => `<!doctype html><p>${view.page} of ours`
    await open({ interaction: { login: () => 'mom', page: own, insecureCookie: true } })
    expect((await visitor.open(`${page}?code=${code}`)).text).toBe('<!doctype html><p>consent of ours')
  })

  it('has a cookie for TLS only, unless it is told otherwise', async () => {
    await stage.close()
    await open({ interaction: { login: () => 'mom' } })
    expect((await arrive()).headers.get('set-cookie')).toMatch(
      /^__Host-aauth-interaction=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
    )
  })

  it('says so when it fails, and spends nothing', async () => {
    await stage.close()
    let fail = true
    const login = () => {
      if (fail) throw new Error('the user database is away')
      return 'mom'
    }
    await open({ interaction: { login, insecureCookie: true } })
    const failed = await visitor.open(`${page}?code=${code}`)
    expect([failed.status, failed.text.includes('database')]).toEqual([500, false])
    fail = false
    expect((await visitor.open(page)).text).toContain('Approve')
  })
})
