import { customer, wayOf } from './customer.js'
import { outcomeOf } from './scene.js'
import type { Story } from './stories.js'

const bread = 'https://shop.example/tab/bread'
const post = { method: 'POST' }

/** An account that was there before the agent: its owner is brought to the shop's page once, and says whose agent this is. */
export const tabStory: Story = {
  title: 'Mom’s tab',
  tells:
    'Mom has had a tab at the shop for years. Sam’s first purchase brings her to the shop’s page, once; then his bread goes on it.',
  play: async (scene) => {
    const { town, shop } = scene
    await scene.openShop()
    shop.sell('coffee', 'mom')
    const asked: string[] = []
    const mom = town.person('mom', { consent: ({ scope }) => asked.push(scope.join(' ')) > 0 })
    const atHerBrowser = customer(town, 'mom', 'approve')
    let invitation = ''
    const sam = town.agent('sam', {
      person: mom,
      onInteraction: (interaction) => {
        scene.expect('nobody has asked her yet', asked.length, 0)
        invitation = interaction.link
        return atHerBrowser(interaction)
      },
    })
    scene.expect('Sam is served', await outcomeOf(sam.fetch(bread, post)), '200')
    const way = 'ps.example → shop.example → ps.example'
    scene.expect(`mom went the way: ${way}`, wayOf(town, 'mom'), way)
    scene.expect('back there she was asked what Sam may do', asked.join(), 'shop.buy')
    scene.expect('the bread is on her tab', shop.tabOf('mom').join(), 'coffee,bread')
    sam.wallet.clear()
    const joe = town.agent('joe', { person: mom })
    scene.expect(
      'Sam, who has forgotten everything, is served',
      await outcomeOf(sam.fetch(bread, post)),
      '200',
    )
    scene.expect('and so is Joe, who runs her errands, too', await outcomeOf(joe.fetch(bread, post)), '200')
    scene.expect('she did not have to come again', wayOf(town, 'mom'), way)
    scene.expect('it is all on her tab', shop.tabOf('mom').join(), 'coffee,bread,bread,bread')
    scene.expect('which is the only one', shop.customers, 1)

    const late = await town.browser('stranger').open(invitation)
    scene.expect('her link is no use to a stranger', late.status, 410)

    const other = await town.openPersonServer('https://elsewhere.example')
    const theirs = (presses: 'approve' | 'decline') =>
      town.agent('sam', {
        person: town.person('mom', { at: other }),
        onInteraction: customer(town, 'ida', presses),
      })
    const declined = await outcomeOf(theirs('decline').fetch(bread, post))
    scene.expect('another mom’s Sam is asked whose he is; Ida says: not mine', declined, 'gave up: denied')
    const served = await outcomeOf(theirs('approve').fetch(bread, post))
    scene.expect('then she says: mine', served, '200')
    scene.expect('that loaf is on Ida’s tab', shop.tabOf('ida').join(), 'bread')
    scene.expect('and mom’s is as it was', shop.tabOf('mom').length, 4)

    await scene.unlink({ ps: town.ps.id, sub: town.ps.subjectOf(mom, 'https://shop.example') })
    const token = sam.wallet.authTokens.get('https://shop.example')?.jwt ?? 'none'
    const after = await outcomeOf(sam.request({ ...post, url: bread }, { token }))
    scene.expect('mom takes Sam off her tab, and he is asked whose he is', after, '401 user_required')
    scene.expect('no more is on it', shop.tabOf('mom').length, 4)
  },
}
