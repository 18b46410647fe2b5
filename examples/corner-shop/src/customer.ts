import type { Town } from '@countersign/devkit'

/** What the shop's own login would know of a browser: here a cookie that names the customer. Never like this outside a demo. */
export function customerOf(cookies: string | undefined): string | undefined {
  return /(?:^|; )customer=([a-z]+)(?:;|$)/.exec(cookies ?? '')?.[1]
}

/** A customer at her own browser, who is signed in to the shop and presses one of the two buttons wherever a link leads her. */
export function customer(town: Town, name: string, presses: 'approve' | 'decline') {
  const browser = town.browser(name)
  const headers = { Cookie: `customer=${name}` }
  return ({ link }: { readonly link: string }) => browser.visit(link, { headers, decision: presses })
}

/** The hosts that somebody has been at, in order. */
export function wayOf(town: Town, name: string): string {
  const hosts = town.ledger.filter(({ from }) => from === name).map(({ to }) => to)
  return hosts.filter((host, index) => host !== hosts[index - 1]).join(' → ')
}
