import { outcomeOf } from './scene.js'
import type { Story } from './stories.js'

const shop = 'https://shop.example'
const bread = `${shop}/bread`
const post = { method: 'POST' }

/** A sub-agent: who it is can be seen where it says so itself, and its parent does the asking. */
export const brotherStory: Story = {
  title: 'The little brother',
  tells:
    'Sam stays at home and sends his little brother, who has a key of his own; but it is Sam who asks mom, and mom who pays.',
  play: async (scene) => {
    const { town } = scene
    await scene.openShop()
    const asked: string[] = []
    const consent = ({
      agent,
      subAgent,
    }: {
      readonly agent: string
      readonly subAgent?: string | undefined
    }) => asked.push([agent, subAgent].filter((name) => name !== undefined).join(' for ')) > 0
    const sam = town.agent('sam', { person: town.person('mom', { consent }) })
    const queue = async (agent: typeof sam): Promise<string> => {
      const answer = await agent.fetch(`${shop}/queue`)
      const { next, error } = (await answer.json()) as { readonly next?: string; readonly error?: string }
      return next ?? `${answer.status} ${error}`
    }
    scene.expect('Sam is known by his name', await queue(sam), 'aauth:sam@ap.example')
    const brother = sam.subAgent('brother')
    const helper = 'aauth:sam+brother@ap.example, for aauth:sam@ap.example'
    scene.expect('his brother by his own, and as Sam’s', await queue(brother), helper)
    scene.expect('he buys bread', await outcomeOf(brother.fetch(bread, post)), '200')
    scene.expect(
      'mom was asked by Sam, for him',
      asked.join(),
      'aauth:sam@ap.example for aauth:sam+brother@ap.example',
    )
    scene.expect('Sam buys bread, too', await outcomeOf(sam.fetch(bread, post)), '200')
    scene.expect('it is on one tab: they act for one person', scene.shop.customers, 1)

    const headers = { 'Content-Type': 'application/json' }
    const request = {
      method: 'POST',
      url: `${town.ps.id}/person`,
      headers,
      body: JSON.stringify({ resource: shop }),
    }
    const alone = await outcomeOf(brother.request(request))
    scene.expect('mom’s server does not listen to him alone', alone, '400 invalid_request')
    const token = brother.wallet.authTokens.get(shop)?.jwt ?? 'none'
    const taken = await outcomeOf(sam.request({ ...post, url: bread }, { token }))
    scene.expect('what he holds is his: Sam cannot use it', taken, '401 invalid_signature')
    const friend = brother.subAgent('friend').fetch(`${shop}/queue`)
    scene.expect('he may send nobody in his place', await outcomeOf(friend), 'gave up: bad_agent_token')

    await scene.deny({ agent: brother.identifier })
    scene.expect('he has been rude, and waits outside', await queue(brother), '403 access_denied')
    scene.expect('Sam does not', await queue(sam), 'aauth:sam@ap.example')
    scene.expect('his grant names nobody, and still buys', await outcomeOf(brother.fetch(bread, post)), '200')
    await scene.deny({ key: brother.key.jkt })
    scene.expect('until his key is denied', await outcomeOf(brother.fetch(bread, post)), '403 access_denied')
    await scene.deny({ agent: sam.identifier })
    scene.expect('then it was Sam', await queue(sam), '403 access_denied')
    scene.expect('who takes his helpers along', await queue(sam.subAgent('sister')), '403 access_denied')
    const sold = scene.shop.sold('bread')
    scene.expect('three loaves were sold', sold, 3)

    const { iss, jti } = (brother.wallet.authTokens.get(shop)?.claims ?? {}) as { iss: string; jti: string }
    const [link] = town.chainOf({ iss, jti })
    const way = `${link?.agent}, for ${link?.parent}, for ${link?.person}`
    scene.expect('only mom’s server knows it all', way, `${helper}, for mom`)
  },
}
