import type { Answered, Outcome, Served } from '../answer/outcome.js'
import type { AAuthEvent, DecisionEvent, UntimedEvent } from '../events.js'
import type { ResourceServer } from '../server/contract.js'
import type { ResourceOptions } from '../server/resource-options.js'
import { createResourceServer } from '../server/resource-server.js'
import { newJwks } from './jwk.js'
import { issuerKey, now } from './party.js'

const pinned = ['https://ap.example', 'https://ps.example', 'https://as.example'].flatMap((issuer) =>
  ['aauth-agent.json', 'aauth-person.json', 'aauth-access.json'].map((dwk) => ({
    issuer,
    dwk,
    jwks: { keys: [issuerKey.publicJwk] },
    metadata: { scopes_supported: ['openid', 'email', 'groups'] },
  })),
)

const signingKey = newJwks().privateJwk

/** The options of a resource server whose issuers are all known beforehand. */
export const testOptions: ResourceOptions = {
  resource: 'https://rs.example',
  signingKeys: [signingKey],
  scopes: { 'data.read': 'Read', 'data.write': 'Change', 'data.admin': 'Everything' },
  issuers: { pinned },
  clock: () => now * 1000,
}

/** A resource server of {@link testOptions}, and what it told `onEvent`: decisions apart, and the rest untimed. */
export function testResource(
  options: Partial<ResourceOptions> = {},
): ResourceServer & { readonly events: UntimedEvent<AAuthEvent>[]; readonly decisions: DecisionEvent[] } {
  const events: UntimedEvent<AAuthEvent>[] = []
  const decisions: DecisionEvent[] = []
  const server = createResourceServer({
    ...testOptions,
    onEvent: (event) => {
      if (event.name === 'decision') decisions.push(event)
      // What is installed is not what is tested.
      else if (event.name !== 'verifier') events.push(untold(event))
    },
    ...options,
  })
  return { ...server, events, decisions }
}

/** An event without its time and the id of its request. */
function untold(event: AAuthEvent): UntimedEvent<AAuthEvent> {
  const { at, ...rest } = event
  if ('kind' in event) return rest
  const { id, ...told } = rest as typeof rest & { readonly id?: string }
  return told as UntimedEvent<AAuthEvent>
}

/** The claims of the resource token in a challenge. */
export function resourceTokenIn(outcome: Outcome): Record<string, unknown> {
  const field = (outcome as Answered).answer.headers['AAuth-Requirement'] ?? ''
  const [, payload] = /resource-token="[^."]+\.([^."]+)\./.exec(field) ?? []
  return payload === undefined ? {} : JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
}

/** An outcome in a word: `served`, a challenge with the scopes it asks for, or a refusal with its status. */
export function inShort(outcome: Outcome): string {
  if (outcome.served) return (outcome as Served).caller === undefined ? 'served nobody' : 'served'
  const { scope } = resourceTokenIn(outcome)
  return scope === undefined ? `${outcome.answer.status} ${outcome.code}` : `auth-token: ${String(scope)}`
}
