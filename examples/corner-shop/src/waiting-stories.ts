import { customer } from './customer.js'
import { outcomeOf } from './scene.js'
import type { Story } from './stories.js'

/** A session: a person connects an agent on a page of the shop. */
export const loyaltyStory: Story = {
  title: 'The loyalty card',
  tells:
    'No person server is needed here: mom signs in to the shop herself, sees that Sam asks for her card, and approves.',
  play: async (scene) => {
    const { town } = scene
    await scene.openShop()
    const card = 'https://shop.example/loyalty'
    const mom = customer(town, 'mom', 'approve')
    const sam = town.agent('sam', { onInteraction: mom })
    scene.expect('Sam is connected', await outcomeOf(sam.fetch(card)), '200')
    const shown = (await (await sam.fetch(card)).json()) as { readonly card?: string }
    scene.expect('and sees mom’s card from now on', shown.card, 'mom')
    const session = sam.wallet.sessions.get('https://shop.example') ?? 'none'
    const headers = { Authorization: `AAuth ${session}` }
    const stolen = await town.agent('thief').request({ url: card, headers })
    scene.expect('a thief with the session is asked to connect himself', stolen.status, 202)
    const dad = customer(town, 'dad', 'decline')
    const other = town.agent('other', { onInteraction: dad })
    scene.expect('dad declines', await outcomeOf(other.fetch(card)), 'gave up: denied')
  },
}

/** A held call: it waits for its grant and is carried out once. */
export const weddingStory: Story = {
  title: 'The wedding cake',
  tells:
    'A cake is ordered once: the order waits while mom is asked, and is carried out when her word is there.',
  play: async (scene) => {
    const { town, shop } = scene
    await scene.openShop()
    const cake = { method: 'POST', url: 'https://shop.example/wedding-cake' }
    const sam = town.agent('sam', { person: town.person('mom') })
    scene.expect('Sam is served', await outcomeOf(sam.fetch(cake.url, { method: 'POST' })), '200')
    scene.expect('one cake is sold', shop.sold('wedding cake'), 1)
    const pending = town.ledger.findLast(({ url }) => url.includes('/pending/'))?.url ?? ''
    const token = sam.wallet.authTokens.get('https://shop.example')?.jwt ?? 'none'
    scene.expect(
      'asking again brings the same answer',
      (await sam.request({ url: pending }, { token })).status,
      200,
    )
    scene.expect('and no second cake', shop.sold('wedding cake'), 1)
  },
}
