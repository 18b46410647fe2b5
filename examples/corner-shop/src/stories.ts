import { type Agent, createKey, toWire } from '@countersign/devkit'
import { backOrderStories } from './back-order-stories.js'
import { brotherStory } from './brother-story.js'
import { feastStory } from './feast-story.js'
import { outcomeOf, type Scene } from './scene.js'
import { stopStory } from './stop-story.js'
import { tabStory } from './tab-story.js'
import { loyaltyStory, weddingStory } from './waiting-stories.js'

/** A story with a beginning, an end, and checks that it ended as told. */
export interface Story {
  readonly title: string
  readonly tells: string
  play(scene: Scene): Promise<void>
}

const bread = 'https://shop.example/bread'
const buy = { method: 'POST', url: bread }

/** The stories of the corner shop. */
export const stories: readonly Story[] = [
  {
    title: 'Bread on the tab',
    tells:
      'Sam has never been here; the shop says what is missing, mom agrees, and the bread goes on her tab.',
    play: async (scene) => {
      const { town, shop } = scene
      await scene.openShop()
      const sam = town.agent('sam', { person: town.person('mom') })
      scene.expect('Sam is served', await outcomeOf(sam.fetch(bread, { method: 'POST' })), '200')
      scene.expect('one loaf is sold', shop.sold('bread'), 1)
      scene.expect(
        'the next loaf needs no one’s leave',
        await outcomeOf(sam.fetch(bread, { method: 'POST' })),
        '200',
      )
      scene.expect('both are on one tab', shop.customers, 1)
    },
  },
  {
    title: 'Bread through the accounts office',
    tells:
      'This shop is one of a chain: the chain’s accounts office has to agree as well, and mom’s server asks it.',
    play: async (scene) => {
      const { town, shop } = scene
      const asked: string[] = []
      const office = await town.openAccessServer('https://accounts.example', ({ resource, scope }) => {
        asked.push(`${resource} ${scope.join(' ')}`)
        return scope.every((value) => value === 'shop.buy')
      })
      await scene.openShop(office.id)
      const sam = town.agent('sam', { person: town.person('mom'), alg: 'ES256' })
      scene.expect('Sam is served', await outcomeOf(sam.fetch(bread, { method: 'POST' })), '200')
      scene.expect('the office was asked', asked.join(), 'https://shop.example shop.buy')
      scene.expect('the office issued the token', office.issued.length, 1)
      scene.expect('the person server issued none', authTokensOf(scene), 0)
      scene.expect('one loaf is sold', shop.sold('bread'), 1)
    },
  },
  {
    title: 'No tobacco for schools',
    tells: 'Mom says yes, but this is the school’s account, and the shop’s own rule has the last word.',
    play: async (scene) => {
      const { town, shop } = scene
      await scene.openShop()
      let consents = 0
      const consent = () => {
        consents++
        return true
      }
      const sam = town.agent('sam', { person: town.person('mom', { tenant: 'school', consent }) })
      const errand = sam.fetch('https://shop.example/tobacco', { method: 'POST' })
      scene.expect('the shop refuses', await outcomeOf(errand), '403 not_for_schools')
      scene.expect('although mom agreed', consents, 1)
      scene.expect('no tobacco is sold', shop.sold('tobacco'), 0)
      scene.expect('bread is another matter', await outcomeOf(sam.fetch(bread, { method: 'POST' })), '200')
    },
  },
  {
    title: 'Mom says no',
    tells: 'Sam asks, mom declines, Sam gives up, and nothing is sold.',
    play: async (scene) => {
      const { town, shop } = scene
      await scene.openShop()
      const sam = town.agent('sam', { person: town.person('mom', { consent: () => false }) })
      const outcome = await outcomeOf(sam.fetch(bread, { method: 'POST' }))
      scene.expect('Sam gives up, and says why', outcome, 'gave up: denied')
      scene.expect('mom’s server issued no token to buy with', authTokensOf(scene), 0)
      scene.expect('no bread is sold', shop.sold('bread'), 0)
    },
  },
  {
    title: 'A stranger with Sam’s token',
    tells: 'A stranger holds the token that Sam bought bread with, but signs with another key.',
    play: async (scene) => {
      const { town, shop } = scene
      const { token } = await samBuysBread(scene)
      const stranger = town.agent('stranger')
      scene.expect(
        'the shop refuses',
        await outcomeOf(stranger.request(buy, { token })),
        '401 invalid_signature',
      )
      const key = createKey('ES256')
      const again = stranger.request(buy, { token, key })
      scene.expect('whatever kind of key it is', await outcomeOf(again), '401 invalid_signature')
      scene.expect('only Sam’s own loaf is sold', shop.sold('bread'), 1)
    },
  },
  {
    title: 'A copied token',
    tells:
      'The token is sent without any key: first as a bearer token, then with a signature copied from elsewhere.',
    play: async (scene) => {
      const { town, shop } = scene
      const { sam, token } = await samBuysBread(scene)
      const thief = town.agent('thief')
      const bearer = toWire({ ...buy, headers: { Authorization: `Bearer ${token}` } })
      const answer = await thief.send(bearer)
      scene.expect(
        'a bearer is nobody here',
        answer.headers.get('aauth-requirement'),
        'requirement=person-token',
      )
      const overheard = await sam.sign({ method: 'POST', url: 'https://shop.example/milk' }, { token })
      const moved = thief.send({ ...overheard, target: '/bread' })
      scene.expect('a signature for milk buys no bread', await outcomeOf(moved), '401 invalid_signature')
      scene.expect('only Sam’s own loaf is sold', shop.sold('bread'), 1)
    },
  },
  {
    title: 'Last week’s signature',
    tells: 'Somebody recorded Sam buying bread, and sends the very same bytes a week later.',
    play: async (scene) => {
      const { town, shop } = scene
      const { sam, token } = await samBuysBread(scene)
      const recorded = await sam.sign(buy, { token })
      scene.expect('it was good when it was made', await outcomeOf(sam.send(recorded)), '200')
      scene.pass({ days: 7 })
      const replayed = town.agent('eavesdropper').send(recorded)
      scene.expect('a week later it is not', await outcomeOf(replayed), '401 invalid_signature')
      scene.expect('nothing more is sold', shop.sold('bread'), 2)
    },
  },
  feastStory,
  stopStory,
  tabStory,
  loyaltyStory,
  weddingStory,
  brotherStory,
  ...backOrderStories,
]

/** The honest beginning of every dishonest story; returns what a thief would be after. */
async function samBuysBread(scene: Scene): Promise<{ readonly sam: Agent; readonly token: string }> {
  await scene.openShop()
  const sam = scene.town.agent('sam', { person: scene.town.person('mom') })
  scene.expect('Sam buys bread', await outcomeOf(sam.fetch(bread, { method: 'POST' })), '200')
  const token = sam.wallet.authTokens.get('https://shop.example')?.jwt ?? 'none'
  return { sam, token }
}

function authTokensOf(scene: Scene): number {
  return scene.town.ps.issued.filter(({ typ }) => typ === 'aa-auth+jwt').length
}
