import type { TinyResource } from './tiny-resource.js'

/** The page of a resource that its tokens send people to before their person server asks them (AAuth 7.2.3). */
export interface OwnPage {
  /** What the person presses, or the `error` with which the resource sends them back. */
  answers: 'success' | (string & {})
  /** Who came: the code of each. */
  readonly arrived: string[]
  /** The customers that have signed in there and said yes, by the code they came with. */
  readonly linked: Map<string, string>
}

export const code = '5T0RZ9WC'

/** Gives the shop a page with a login of its own, and its resource tokens the claim that leads there. */
export function openOwnPage(shop: TinyResource): OwnPage {
  const page: OwnPage = { answers: 'success', arrived: [], linked: new Map() }
  shop.sloppy = { claims: { interaction: { url: `${shop.id}/connect`, code } } }
  const html = (body: string, headers: Readonly<Record<string, string>> = {}) => ({
    status: 200,
    headers: { 'Content-Type': 'text/html', ...headers },
    body,
  })
  const to = (location: string) => ({ status: 303, headers: { Location: location }, body: '' })
  const back = (callback: string, error?: string) => {
    const url = new URL(callback)
    if (error !== undefined) url.searchParams.set('error', error)
    return to(url.href)
  }
  shop.server.on('GET', '/connect', ({ query, header }) => {
    const [code = '', callback = ''] = [query.get('code') ?? '', query.get('callback') ?? '']
    page.arrived.push(code)
    if (page.answers !== 'success') return back(callback, page.answers)
    const customer = /(?:^|; )customer=([a-z]+)/.exec(header('cookie') ?? '')?.[1]
    const here = `<input type="hidden" name="code" value="${code}">
      <input type="hidden" name="callback" value="${callback.replaceAll('&', '&amp;')}">`
    return customer === undefined
      ? html(`<form method="post" action="/login">${here}<input name="name"></form>`)
      : html(`<form method="post" action="/sign-out"></form>
          <form method="post" action="/connect">${here}${customer}<button name="decision">Yes</button></form>`)
  })
  shop.server.on('POST', '/login', ({ body }) => {
    const typed = new URLSearchParams(Buffer.from(body).toString())
    const onward = new URLSearchParams({
      code: typed.get('code') ?? '',
      callback: typed.get('callback') ?? '',
    })
    const cookie = `customer=${typed.get('name')}; Path=/; HttpOnly`
    return { status: 303, headers: { Location: `/connect?${onward}`, 'Set-Cookie': cookie }, body: '' }
  })
  shop.server.on('POST', '/connect', ({ body, header }) => {
    const sent = new URLSearchParams(Buffer.from(body).toString())
    const customer = /(?:^|; )customer=([a-z]+)/.exec(header('cookie') ?? '')?.[1] ?? ''
    const callback = sent.get('callback') ?? ''
    if (sent.get('decision') !== 'approve') return back(callback, 'user_abandoned')
    page.linked.set(sent.get('code') ?? '', customer)
    return back(callback)
  })
  return page
}
