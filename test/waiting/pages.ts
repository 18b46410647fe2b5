import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { arabic } from '../../examples/corner-shop/src/arabic.js'
import { german } from '../../examples/corner-shop/src/german.js'
import { createLanguages } from '../../packages/core/src/interaction/languages.js'
import { type Pages, pageAnswer } from '../../packages/core/src/interaction/page-answer.js'

type Shown = Parameters<typeof pageAnswer>[3]

/** A name of 120 letters without a place to break it. */
const endless = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerk'.repeat(3).slice(0, 120)

const agent = `aauth:shopping.${'x'.repeat(90)}@ap.example`
const consent = {
  page: 'consent',
  asks: {
    agent,
    name: `shopping.${'x'.repeat(90)}`,
    parentAgent: 'aauth:shopping@ap.example',
    party: 'https://ap.example',
  },
  user: `مريم ${endless}`,
  signOut: '/logout',
  form: { action: '/aauth/interact/x', token: 't' },
} as const

/** Every page that there is, with the worst that strangers and applications put into it. */
export const pages: Readonly<Record<string, Shown>> = {
  session: {
    ...consent,
    use: 'session',
    wants: { scopes: ['shop.buy', endless], session: { unused: 604_800, atMost: 2_592_000 } },
  },
  approval: {
    ...consent,
    use: 'approval',
    wants: {
      description: `Sell the house by the lake: ${endless}`,
      scopes: [],
      call: {
        method: 'POST',
        path: `/sell?house=${'1'.repeat(100)}`,
        content: {
          type: 'application/json',
          bytes: 20_000,
          text: `{\n\t"house": "بيت", "note": "${'n'.repeat(150)}"\n}`,
          cut: true,
        },
      },
    },
  },
  link: {
    ...consent,
    use: 'link',
    wants: {
      scopes: [],
      link: {
        personServer: 'https://ps.example',
        person: `pairwise-${'7'.repeat(80)}`,
        tenant: 'school'.repeat(12),
      },
    },
  },
  code: { page: 'code', form: { action: '/aauth/interact/x' } },
  approved: { page: 'approved', use: 'approval' },
  linked: { page: 'approved', use: 'link' },
  declined: { page: 'declined', use: 'session' },
  returned: { page: 'returned' },
  problem: {
    page: 'problem',
    problem: { code: 'access_denied', key: 'problemNotYours', message: 'unused' },
    user: consent.user,
    signOut: consent.signOut,
  },
}

/** The languages that the pages are in. */
export const languages: readonly string[] = ['en', 'de', 'ar']

/** Serves the pages by their names, with the fields they have in earnest. */
export async function servePages(): Promise<{ readonly origin: string; close(): void }> {
  const scopes = new Map([
    ['shop.buy', 'Buy groceries on your tab'],
    ['shop.buy.large', 'Order for a whole party on your tab'],
    ['shop.staff', 'Go into the back room'],
  ])
  const all: Pages = {
    site: { name: 'Corner shop' },
    page: undefined,
    languages: createLanguages({ messages: { de: german, ar: arabic } }, scopes),
  }
  const server = createServer(({ url = '/', rawHeaders }, response) => {
    const shown = pages[url.slice(1)]
    if (shown === undefined) {
      response.writeHead(404).end()
      return
    }
    const answer = pageAnswer(all, { method: 'GET', target: url, rawHeaders }, 200, shown)
    response.writeHead(answer.status, answer.headers).end(answer.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
