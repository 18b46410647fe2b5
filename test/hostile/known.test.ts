import { createKey } from '@countersign/devkit'
import {
  asks,
  asksGrant,
  base,
  type Case,
  invalidInput,
  overSockets,
  type RawRequest,
  served,
  signatureError,
  type World,
} from './harness.js'

// A token is verified when its bytes are first seen, and remembered. Whatever else a request needs is needed every time.

type Kind = 'agent' | 'person' | 'grant'
const routeOf = { agent: '/agent', person: '/person', grant: '/data' } as const

/** A token that has just been served, on its way again. */
const again = (
  kind: Kind,
  ids: string,
  name: string,
  request: (world: World, token: string, target: string) => Promise<RawRequest>,
  answer: Case['answer'],
): Case => ({
  ids,
  name: `${kind} token: ${name}`,
  request: async (world) => {
    const target = routeOf[kind]
    const token = await world[kind]()
    const first = await world.send(await world.compose({ target, token }))
    if (first.status !== 200) throw new Error(`the honest request was answered ${first.status}`)
    return request(world, token, target)
  },
  answer,
})
const everyKind = (
  ids: string,
  name: string,
  request: Parameters<typeof again>[3],
  answer: Case['answer'],
): Case[] => (['agent', 'person', 'grant'] as const).map((kind) => again(kind, ids, name, request, answer))

const refused = signatureError('invalid_signature')
const badToken = signatureError('invalid_jwt')
const flip = (token: string, at: number): string => {
  const i = at < 0 ? token.length + at : at
  return `${token.slice(0, i)}${token[i] === 'A' ? 'B' : 'A'}${token.slice(i + 1)}`
}

overSockets('a token that is known already', { fresh: true }, [
  ...everyKind('R-171, R-080', 'again', (world, token, target) => world.compose({ target, token }), served),
  ...everyKind(
    'N-031, KN-089, R-061, R-329',
    'in the hand of somebody else',
    (world, token, target) => world.compose({ target, token, key: createKey() }),
    refused,
  ),
  ...everyKind(
    'N-031, H-61',
    'with the other algorithm’s signature',
    (world, token, target) => world.compose({ target, token, key: createKey('ES256') }),
    refused,
  ),
  ...everyKind(
    'N-013, R-045',
    'signed without signature-key',
    (world, token, target) => world.compose({ target, token, components: base.slice(0, 3) }),
    invalidInput(),
  ),
  ...everyKind(
    'N-020, R-050',
    'signed a minute and a second ago',
    (world, token, target) => world.compose({ target, token, parameters: `;created=${world.now - 61}` }),
    refused,
  ),
  ...everyKind(
    'N-047, R-102',
    'with another last byte of its signature',
    (world, token, target) => world.compose({ target, token: flip(token, -4) }),
    badToken,
  ),
  ...everyKind(
    'N-047, R-102',
    'with another byte of its claims',
    (world, token, target) => world.compose({ target, token: flip(token, token.indexOf('.') + 40) }),
    badToken,
  ),
  ...everyKind(
    'N-037, KN-070',
    'with something after it',
    (world, token, target) => world.compose({ target, token: `${token}A` }),
    badToken,
  ),
  ...everyKind(
    'N-037, KN-070',
    'with padding after it',
    (world, token, target) => world.compose({ target, token: `${token}==` }),
    badToken,
  ),
  ...everyKind(
    'N-064, R-103, K-146',
    'at the end of its time',
    (world, token, target) => {
      const [, payload = ''] = token.split('.')
      const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString())
      world.advance(exp - world.now)
      return world.compose({ target, token })
    },
    signatureError('expired_jwt'),
  ),
  ...(['person', 'grant'] as const).map((kind) =>
    again(
      kind,
      'R-086, R-085',
      'after its issuer’s key has gone',
      async (world, token, target) => {
        world.town.ps.keys.rotate({ overlap: false })
        world.advance(700)
        // The token of the new key shows the resource that the old one is gone.
        await world.send(await world.compose({ target, token: await world[kind]() }))
        return world.compose({ target, token })
      },
      signatureError('unknown_key'),
    ),
  ),
  again(
    'person',
    'N-107, R-127',
    'where a grant is needed',
    (world, token) => world.compose({ token }),
    (world) => asksGrant({ presented_jti: world.town.ps.issued.at(-1)?.jti }),
  ),
  again(
    'grant',
    'N-108',
    'where an agent is needed',
    (world, token) => world.compose({ target: '/agent', token }),
    asks('agent-token'),
  ),
  again(
    'agent',
    'N-106',
    'where a grant is needed',
    (world, token) => world.compose({ token }),
    asks('person-token'),
  ),
])
