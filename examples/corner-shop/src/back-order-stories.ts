import type { Agent, ConsentRequest, Decision, TokenName } from '@countersign/devkit'
import { wayOf } from './customer.js'
import { outcomeOf, type Scene } from './scene.js'
import type { Story } from './stories.js'

const shop = 'https://shop.example'
const flour = `${shop}/back-order`
const post = { method: 'POST' }

/** Mom, who is asked for every step of the chain and decides; what she was asked, and Sam who acts for her. */
function family(
  scene: Scene,
  decide: (ask: ConsentRequest) => Decision,
  agent: Parameters<Scene['town']['agent']>[1] = {},
) {
  const asked: string[] = []
  const consent = (ask: ConsentRequest): Decision => {
    asked.push(
      `${[ask.agent, ...(ask.chain ?? []).map((link) => link.agent)].join(' for ')}: ${ask.scope.join(' ')}`,
    )
    return decide(ask)
  }
  return { asked, sam: scene.town.agent('sam', { person: scene.town.person('mom', { consent }), ...agent }) }
}

/**
 * The way back from the distributor's order to mom, each step from one party's own record: the distributor's order book has
 * a token, and mom's server whose that is and on which token it was given; which is the one in the shop's order book.
 */
function wayBack({ town, distributed, shop }: Scene): string {
  const link = ({ iss, jti }: TokenName) => town.chainOf({ iss, jti })[0]
  const order = distributed.at(-1)
  const bought = order && link(order.token)
  const entry = shop.orders.find(({ token }) => token.jti === bought?.upstream?.jti)
  const errand = entry && link(entry.token)
  return `distributor.example ← ${bought?.agent} ← ${errand?.agent} ← ${errand?.person}`
}

const chain = 'distributor.example ← aauth:onward@shop.example ← aauth:sam@ap.example ← mom'

export const backOrderStories: readonly Story[] = [
  {
    title: 'The back-order',
    tells:
      'There is no flour on the shelf. The shop orders it from its distributor for this errand, and mom’s server vouches.',
    play: async (scene) => {
      await scene.openShop()
      await scene.openDistributor()
      const { asked, sam } = family(scene, () => true)
      scene.expect('Sam has flour ordered', await outcomeOf(sam.fetch(flour, post)), '200')
      scene.expect('mom was asked for Sam', asked[0], 'aauth:sam@ap.example: shop.buy')
      scene.expect(
        'and for the shop, which acts for Sam',
        asked[1],
        'aauth:onward@shop.example for aauth:sam@ap.example: wholesale.order',
      )
      scene.expect('the distributor has one order', scene.distributed.length, 1)
      scene.expect(`the way back is there: ${wayBack(scene)}`, wayBack(scene), chain)
      scene.expect('once more', await outcomeOf(sam.fetch(flour, post)), '200')
      scene.expect('without asking mom again', asked.length, 2)
      scene.expect(
        'no two parties know mom by one name',
        new Set(scene.town.ps.issued.map(({ sub }) => sub)).size,
        2,
      )
    },
  },
  {
    title: 'The back-order through the accounts office',
    tells:
      'The distributor belongs to a chain whose accounts office has to agree as well: mom’s server asks it for the shop.',
    play: async (scene) => {
      const told: string[] = []
      const office = await scene.town.openAccessServer(
        'https://accounts.example',
        ({ agent, intermediary }) => {
          told.push(`${agent} of ${intermediary}`)
          return true
        },
      )
      await scene.openShop()
      await scene.openDistributor(office.id)
      const { sam } = family(scene, () => true)
      scene.expect('Sam has flour ordered', await outcomeOf(sam.fetch(flour, post)), '200')
      scene.expect(
        'the office knows who buys',
        told.join(),
        'aauth:onward@shop.example of https://shop.example',
      )
      scene.expect('and issued what the distributor saw', scene.distributed[0]?.token.iss, office.id)
      scene.expect(`the way back is there: ${wayBack(scene)}`, wayBack(scene), chain)
      office.server.intercept(() => ({ status: 503, headers: {}, body: '' }))
      sam.wallet.clear()
      const away = await outcomeOf(sam.fetch(flour, post))
      scene.expect('with the office away, the shop says so', away, '502 as_unreachable')
      scene.expect('and nothing more is ordered', scene.distributed.length, 1)
    },
  },
  {
    title: 'The back-order that mom wants to see',
    tells:
      'Mom wants to see what the distributor is to be paid. Sam’s call waits at the shop, and mom is passed on to her own server.',
    play: async (scene) => {
      const { town } = scene
      await scene.openShop()
      await scene.openDistributor()
      const { asked, sam } = family(scene, atTheShop, {
        onInteraction: ({ link }) => {
          scene.expect('nothing is ordered before she came', scene.distributed.length, 0)
          return town.browser('mom').open(link)
        },
      })
      scene.expect('Sam has flour ordered', await outcomeOf(sam.fetch(flour, post)), '200')
      const way = 'shop.example → ps.example → shop.example'
      scene.expect(`mom went the way: ${way}`, wayOf(town, 'mom'), way)
      scene.expect('she was asked once for each', asked.length, 2)
      scene.expect('it was ordered once', scene.distributed.length, 1)
      scene.expect('and is on her tab once', scene.shop.sold('flour'), 1)
      scene.expect(`the way back is there: ${wayBack(scene)}`, wayBack(scene), chain)
    },
  },
  {
    title: 'The back-order that mom does not want',
    tells: 'Mom comes, sees that the shop would order elsewhere, and says no.',
    play: async (scene) => {
      await scene.openShop()
      await scene.openDistributor()
      const refuse = ({ resource }: ConsentRequest): Decision =>
        resource === shop || { decision: false, after: 'visit' }
      const { sam } = family(scene, refuse, {
        onInteraction: ({ link }) => scene.town.browser('mom').open(link),
      })
      scene.expect('Sam is told', await outcomeOf(sam.fetch(flour, post)), 'gave up: denied')
      scene.expect('nothing is ordered', scene.distributed.length + scene.shop.orders.length, 0)
      scene.expect('and nothing is on her tab', scene.shop.sold('flour'), 0)
      scene.expect('bread needs no distributor', await outcomeOf(sam.fetch(`${shop}/bread`, post)), '200')
    },
  },
  {
    title: 'Stop that back-order!',
    tells: 'The call waits for mom; but she takes back what she gave Sam, and it ends where it waits.',
    play: async (scene) => {
      const { town } = scene
      await scene.openShop()
      await scene.openDistributor()
      const { sam } = family(scene, atTheShop)
      scene.expect('Sam buys bread', await outcomeOf(sam.fetch(`${shop}/bread`, post)), '200')
      const waiting = await order(sam)
      const location = waiting.headers.get('location') ?? ''
      scene.expect('his back-order waits', waiting.status, 202)
      const { jti, exp } = claimsOf(sam)
      await town.ps.revoke(jti, exp, shop)
      const ended = await outcomeOf(sam.request({ url: location }))
      scene.expect('it is told why it ends', ended, '403 revoked')
      const first = town.ledger.filter(({ to }) => to === 'distributor.example').length
      const again = await outcomeOf(order(sam))
      scene.expect('what Sam holds passes nothing on any more', again, '401 revoked_jwt')
      const then = town.ledger.filter(({ to }) => to === 'distributor.example').length
      scene.expect('the distributor hears no more of it', then, first)
      scene.expect('and has no order', scene.distributed.length, 0)
    },
  },
]

/** Sam may buy at the shop; whatever goes beyond that, mom wants to see. */
function atTheShop({ resource }: ConsentRequest): Decision {
  return resource === shop || { decision: true, after: 'visit' }
}

/** One request with the auth token that Sam has; what is required is not met. */
function order(sam: Agent): Promise<Response> {
  const token = sam.wallet.authTokens.get(shop)?.jwt ?? 'none'
  const headers = { 'AAuth-Capabilities': 'interaction' }
  return sam.request({ ...post, url: flour, headers }, { token })
}

function claimsOf(sam: Agent): { readonly jti: string; readonly exp: number } {
  return (sam.wallet.authTokens.get(shop)?.claims ?? {}) as { jti: string; exp: number }
}
