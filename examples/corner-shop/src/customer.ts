/** What the shop's own login would know of a browser: here a cookie that names the customer. Never like this outside a demo. */
export function customerOf(cookies: string | undefined): string | undefined {
  return /(?:^|; )customer=([a-z]+)(?:;|$)/.exec(cookies ?? '')?.[1]
}

/** A person's browser: follows a link wherever it leads, and keeps each host's cookies. The hosts it has been at, in order. */
export async function follow(link: string, fetch: typeof globalThis.fetch): Promise<readonly string[]> {
  const cookies = new Map<string, string>()
  const hosts: string[] = []
  for (let url = new URL(link), hops = 0; hops < 10; hops++) {
    if (hosts.at(-1) !== url.host) hosts.push(url.host)
    const headers = { Accept: 'text/html', Cookie: cookies.get(url.host) ?? '' }
    const response = await fetch(url, { headers, redirect: 'manual' })
    const set = response.headers.getSetCookie().map((line) => line.split(';')[0])
    if (set.length > 0) cookies.set(url.host, set.join('; '))
    const location = response.headers.get('location')
    if (location === null) return hosts
    url = new URL(location, url)
  }
  return hosts
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
