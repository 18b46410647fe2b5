import { outcomeOf } from './scene.js'
import type { Story } from './stories.js'

const shop = 'https://shop.example'

/** What a revocation stops, and what it cannot. */
export const stopStory: Story = {
  title: 'Sam, stop!',
  tells:
    'Sam has bought bread and put a cake in the oven when mom takes everything back: from now on no counter of the shop serves him.',
  play: async (scene) => {
    const { town } = scene
    await scene.openShop()
    await scene.openShop()
    let agrees = true
    const sam = town.agent('sam', { person: town.person('mom', { consent: () => agrees }) })
    const buy = (item: string): Promise<Response> => sam.fetch(`${shop}/${item}`, { method: 'POST' })
    scene.goTo(0)
    scene.expect('Sam buys bread', await outcomeOf(buy('bread')), '200')
    const token = sam.wallet.authTokens.get(shop)?.jwt ?? 'none'
    const cake = buy('cake')
    await scene.shop.oven.begun

    agrees = false
    const told = await Promise.all(
      town.ps.issued.map(async ({ jti, exp }) => (await town.ps.revoke(jti, exp, shop)).outcome),
    )
    scene.expect('mom’s server tells one counter of every token', new Set(told).size, 1)
    scene.expect('and the counter takes note', told[0], 'recorded')

    for (const counter of [0, 1]) {
      scene.goTo(counter)
      const next = await sam.request({ method: 'POST', url: `${shop}/milk` }, { token })
      scene.expect(
        `counter ${counter + 1} refuses at once`,
        await outcomeOf(Promise.resolve(next.clone())),
        '401 revoked_jwt',
      )
      scene.expect(
        'and says where to begin again',
        next.headers.get('aauth-requirement'),
        'requirement=person-token',
      )
    }
    scene.expect('what else Sam holds is worth nothing', await outcomeOf(buy('milk')), '401 revoked_jwt')
    sam.wallet.forget(shop)
    scene.expect('mom does not say yes again', await outcomeOf(buy('milk')), 'gave up: denied')
    scene.expect('no milk is sold', scene.shop.sold('milk'), 0)

    scene.shop.oven.open()
    scene.expect('the cake that was in the oven is baked', await outcomeOf(cake), '200')
    scene.expect('and paid for, as the bread is', scene.shop.sold('cake') + scene.shop.sold('bread'), 2)
  },
}
