import { outcomeOf } from './scene.js'
import type { Story } from './stories.js'

/** A step-up: what was granted is not enough, so the agent is sent for more. */
export const feastStory: Story = {
  title: 'A feast is more than bread',
  tells:
    'Mom lets Sam buy groceries. For a feast the shop wants to hear her once more, and from then on one token does for both.',
  play: async (scene) => {
    const { town, shop } = scene
    await scene.openShop()
    const asked: string[] = []
    let agrees = true
    const mom = town.person('mom', {
      consent: ({ scope }) => {
        asked.push(scope.join(' '))
        return agrees
      },
    })
    const sam = town.agent('sam', { person: mom })
    const buy = (item: string): Promise<string> =>
      outcomeOf(sam.fetch(`https://shop.example/${item}`, { method: 'POST' }))
    scene.expect('Sam buys bread', await buy('bread'), '200')
    const token = sam.wallet.authTokens.get('https://shop.example')?.jwt ?? 'none'

    agrees = false
    scene.expect('mom thinks a feast too much', await buy('feast'), 'gave up: denied')
    scene.expect('no feast is sold', shop.sold('feast'), 0)

    agrees = true
    scene.expect('then she thinks again', await buy('feast'), '200')
    scene.expect(
      'she was asked for what Sam has, and for what he lacks',
      asked.at(-1),
      'shop.buy shop.buy.large',
    )
    const times = asked.length
    scene.expect('bread is in it as well', await buy('bread'), '200')
    scene.expect('without asking her again', asked.length, times)

    const bread = { method: 'POST', url: 'https://shop.example/bread' }
    const feast = { method: 'POST', url: 'https://shop.example/feast' }
    const before = await outcomeOf(sam.request(bread, { token }))
    scene.expect('the token of before still buys bread', before, '200')
    const answer = await sam.request(feast, { token })
    scene.expect('and still no feast', answer.status, 401)
    scene.expect('one feast was sold', shop.sold('feast'), 1)

    const joe = town.agent('joe', { person: mom })
    const first = await outcomeOf(joe.fetch('https://shop.example/feast', { method: 'POST' }))
    scene.expect('Joe wants a feast and nothing else', first, '200')
    scene.expect(
      'she was asked for both in one question',
      asked.slice(times).join(),
      'shop.buy shop.buy.large',
    )
  },
}
