/** What the shop's own login would know of a browser: here a cookie that names the customer. Never like this outside a demo. */
export function customerOf(cookies: string | undefined): string | undefined {
  return /(?:^|; )customer=([a-z]+)(?:;|$)/.exec(cookies ?? '')?.[1]
}

/** A customer at her own browser, who is signed in to the shop and presses one of the two buttons. */
export function customer(name: string, fetch: typeof globalThis.fetch, presses: 'approve' | 'decline') {
  return async (link: string): Promise<void> => {
    const arrived = await fetch(link, { headers: { Accept: 'text/html' }, redirect: 'manual' })
    const cookie = [
      `customer=${name}`,
      ...arrived.headers.getSetCookie().map((line) => line.split(';')[0]),
    ].join('; ')
    const page = new URL(arrived.headers.get('location') ?? '/', link)
    const html = await (await fetch(page, { headers: { Accept: 'text/html', Cookie: cookie } })).text()
    const token = /name="token" value="([^"]+)"/.exec(html)?.[1] ?? ''
    const body = new URLSearchParams({ token, decision: presses })
    await fetch(page, { method: 'POST', headers: { Cookie: cookie }, body, redirect: 'manual' })
  }
}
