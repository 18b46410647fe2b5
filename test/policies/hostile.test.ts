import * as cedar from '@cedar-policy/cedar-wasm/nodejs'
import type { Agent, Policy, PolicyInput } from '@countersign/core'
import type { AAuthEvent } from '@countersign/core/events'
import { authZenPolicy, cedarPolicy, cerbosPolicy } from '@countersign/core/policies'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adapters, resource } from '../target/start.js'
import { errorOf, openStage, type Stage } from '../waiting/stage.js'
import { cerbosBinary, useCerbos } from './cerbos.js'

// What a stranger sends is handed on to the engine by the application, which has parsed it without any bound.
const context = ({ request }: PolicyInput<Agent>): Readonly<Record<string, unknown>> => ({
  content: JSON.parse(Buffer.from(request.content?.bytes ?? '{}').toString()),
})
const cedarPolicies = `
  permit (principal, action, resource);
  forbid (principal, action, resource) when { context.content has copies && context.content.copies + 1 > 100 };
`
const cerbosPolicies = {
  route: {
    apiVersion: 'api.cerbos.dev/v1',
    resourcePolicy: {
      resource: 'route',
      version: 'default',
      rules: [
        {
          actions: ['POST'],
          effect: 'EFFECT_ALLOW',
          roles: ['agent'],
          output: {
            when: {
              ruleActivated:
                'has(P.attr.content.copies) && P.attr.content.copies + 1.0 > 100.0 ? {"stepUp": {"fresh": true}} : {}',
            },
          },
        },
      ],
    },
  },
}

const cerbos = useCerbos(cerbosPolicies)

const broken: readonly (readonly [string, string])[] = [
  ['nesting without end', `${'['.repeat(200_000)}${']'.repeat(200_000)}`],
  ['nesting beyond 32 levels', `${'{"a":'.repeat(33)}1${'}'.repeat(33)}`],
  ['a number without end', '{"copies":1e999}'],
  ['half a character', String.raw`{"name":"\ud800"}`],
  ['half a character in a name', String.raw`{"\udc00x":1}`],
  ['a member that clients assign', '{"more":[{"__proto__":{"copies":101}}]}'],
  ['too much of it', JSON.stringify({ name: 'x'.repeat(1_048_577) })],
]
const brokenForCedar: typeof broken = [
  ['an entity', '{"owner":{"__entity":{"type":"Agent","id":"x"}}}'],
  ['an entity that is none', '{"owner":{"__entity":1}}'],
  ['an address', '{"list":[{"from":{"__extn":{"fn":"ip","arg":"10.0.0.1"}}}]}'],
  ['an expression', String.raw`{"\u005f_expr":"1"}`],
  ['nothing', '{"copies":null}'],
  ['a fraction', '{"copies":1.5}'],
  ['a whole number beyond what is exact', '{"copies":9007199254740993}'],
  ['a whole number beyond 64 bits', '{"copies":-99999999999999999999}'],
  ['a text where a policy counts', '{"copies":"many"}'],
  ['a list of what is not alike', '{"copies":[1,{"a":"b"}]}'],
]

interface Engine {
  readonly engine: string
  readonly make: () => Policy<Agent>
  readonly broken: typeof broken
}
const ofCerbos: typeof broken = [['a text where an output counts', '{"copies":"many"}']]
const engines: readonly Engine[] = [
  {
    engine: 'Cedar',
    make: () => cedarPolicy({ cedar, policies: cedarPolicies, context }),
    broken: [...broken, ...brokenForCedar],
  },
  ...(cerbosBinary === undefined
    ? []
    : [
        {
          engine: 'Cerbos',
          make: () => cerbosPolicy({ client: cerbos().client, context }),
          broken: [...broken, ...ofCerbos],
        },
        {
          engine: 'AuthZEN, as Cerbos speaks it',
          make: () => authZenPolicy({ url: cerbos().evaluation, context }),
          broken,
        },
      ]),
]

describe.each(engines)(
  'what a stranger sends to an application with rules that $engine has',
  ({ make, broken }) => {
    describe.each(adapters)('on %s', (adapter) => {
      let stage: Stage
      let ran: number
      let events: AAuthEvent[]
      beforeEach(async () => {
        ran = 0
        events = []
        const onEvent = (event: AAuthEvent): void => void events.push(event)
        stage = await openStage(adapter, { onEvent, limits: { body: 2_000_000 } }, [
          {
            method: 'POST',
            path: '/orders',
            requirement: { identity: 'agent', content: true, policy: make() },
            answer: () => ({ ran: ++ran }),
          },
        ])
      })
      afterEach(() => stage.close())
      const send = (body: string): Promise<Response> =>
        stage.sam.request({
          method: 'POST',
          url: `${resource}/orders`,
          headers: [['Content-Type', 'text/plain']],
          body,
        })

      it('is served where it is what the rules are about', async () => {
        const answer = await send('{"copies":3,"name":"__entity \u{1f35e}"}')
        expect([answer.status, ran]).toEqual([200, 1])
      })

      it.each(broken)('is refused, and no fault of the application’s: %s', async (_, body) => {
        const answer = await send(body)
        expect([answer.status, await errorOf(answer), ran]).toEqual([403, 'access_denied', 0])
        const told = events.filter(({ name }) => name === 'refused' || name === 'failed')
        expect(told).toMatchObject([{ name: 'refused', code: 'access_denied', family: 'caller' }])
        expect((told[0] as { readonly reason?: string }).reason).toMatch(
          /^the policy engine cannot be asked: /,
        )
        // It does as it did for whoever comes next.
        expect((await send('{"copies":4}')).status).toBe(200)
      })
    })
  },
)
