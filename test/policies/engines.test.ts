import * as cedar from '@cedar-policy/cedar-wasm/nodejs'
import { GRPC } from '@cerbos/grpc'
import type { PendingView, Policy } from '@countersign/core'
import type { AAuthEvent } from '@countersign/core/events'
import {
  authZenPolicy,
  cedarPolicy,
  cerbosPolicy,
  type PolicyEngineOptions,
} from '@countersign/core/policies'
import { afterEach, describe, expect, it } from 'vitest'
import { freePort } from '../free-port.js'
import type { TargetRoute } from '../target/routes.js'
import { adapters, resource } from '../target/start.js'
import { errorOf, locationOf, openStage, type Stage } from '../waiting/stage.js'
import { cerbosBinary, useCerbos } from './cerbos.js'

// The same rules in the words of each engine. Any person may read; who deletes needs one more scope, and what is posted
// somebody else's word; nobody reads what is under /secret, and a school nothing at all.
const cedarPolicies = `
  permit (principal is Person, action == Action::"GET", resource);
  @approval("foreman")
  permit (principal is Person, action == Action::"POST", resource == Route::"/notes/:id");
  permit (principal is Person, action == Action::"DELETE", resource == Route::"/notes/:id");
  @stepUp("data.delete")
  forbid (principal, action == Action::"DELETE", resource)
  unless { context.scope.contains("data.delete") };
  forbid (principal, action, resource) when { resource.path like "/secret*" };
  forbid (principal, action, resource) when { context has tenant && context.tenant == "school" };
`
const cerbosRule = (action: string, expr: string, output?: object): object => ({
  actions: [action],
  effect: 'EFFECT_ALLOW',
  roles: ['person'],
  condition: { match: { expr } },
  ...(output !== undefined && { output: { when: { ruleActivated: JSON.stringify(output) } } }),
})
const noSchool = '!has(P.attr.tenant) || P.attr.tenant != "school"'
const open = `(${noSchool}) && !R.attr.path.startsWith("/secret")`
const cerbosPolicies = {
  route: {
    apiVersion: 'api.cerbos.dev/v1',
    resourcePolicy: {
      resource: 'route',
      version: 'default',
      rules: [
        cerbosRule('GET', open),
        cerbosRule('POST', `(${open}) && R.id == "/notes/:id"`, { approval: { subject: 'foreman' } }),
        cerbosRule('DELETE', `(${open})`, { stepUp: { scope: ['data.delete'] } }),
      ],
    },
  },
}

const cerbos = useCerbos(cerbosPolicies)

/** Where Cerbos puts outputs in an answer by AuthZEN. */
interface CerbosContext {
  readonly 'cerbos.response'?: {
    readonly results: readonly { readonly outputs?: readonly { readonly val?: object }[] }[]
  }
}
const outputsOf = (context: CerbosContext): object => {
  const outputs = context['cerbos.response']?.results[0]?.outputs ?? []
  // One that could not be evaluated has no value.
  if (outputs.some(({ val }) => val === undefined)) throw new Error('an output has no value')
  return Object.assign({}, ...outputs.map(({ val }) => val))
}

type Make = (more: Pick<PolicyEngineOptions, 'ask'>) => Policy
const engines: readonly { readonly engine: string; readonly make: Make }[] = [
  { engine: 'Cedar', make: (more) => cedarPolicy({ ...more, cedar, policies: cedarPolicies }) },
  ...(cerbosBinary === undefined
    ? []
    : [
        { engine: 'Cerbos', make: (more: object) => cerbosPolicy({ ...more, client: cerbos().client }) },
        {
          engine: 'AuthZEN, as Cerbos speaks it',
          make: (more: object) =>
            authZenPolicy({
              ...more,
              url: cerbos().evaluation,
              context: () => ({ 'cerbos.includeMeta': true }),
              obligations: outputsOf,
            }),
        },
      ]),
]

const answer = ({ caller }: { readonly caller: object }): object => ({ served: caller !== undefined })
const table: readonly TargetRoute[] = [
  { method: 'GET', path: '/notes/:id', requirement: { scope: 'data.read' }, answer },
  { method: 'POST', path: '/notes/:id', requirement: { scope: 'data.read' }, answer },
  { method: 'DELETE', path: '/notes/:id', requirement: { scope: 'data.read' }, answer },
  { method: 'GET', path: '/secret/:id', requirement: { scope: 'data.read' }, answer },
  { method: 'GET', path: '/agents', requirement: { identity: 'agent' }, answer },
]

describe.each(engines)('rules that $engine has', ({ make }) => {
  describe.each(adapters)('on %s', (adapter) => {
    let stage: Stage
    let asked: PendingView[]
    const start = async (): Promise<void> => {
      asked = []
      const ask = (pending: PendingView): unknown => asked.push(pending)
      stage = await openStage(adapter, { policy: make({ ask }) }, table)
    }
    afterEach(() => stage.close())

    it('let pass what they permit', async () => {
      await start()
      const read = await stage.sam.fetch(`${resource}/notes/1`)
      expect([read.status, await read.json()]).toEqual([200, { served: true }])
    })

    it('refuse what they do not: by the route, the tenant, and who is calling', async () => {
      await start()
      const secret = await stage.sam.fetch(`${resource}/secret/1`)
      expect([secret.status, await errorOf(secret)]).toEqual([403, 'access_denied'])
      expect((await stage.sam.fetch(`${resource}/agents`)).status).toBe(403)
      const pupil = stage.town.agent('pat', { person: stage.town.person('kid', { tenant: 'school' }) })
      expect((await pupil.fetch(`${resource}/notes/1`)).status).toBe(403)
    })

    it('send the agent for one more scope, and are met by it', async () => {
      await start()
      const before = stage.town.ledger.length
      const deleted = await stage.sam.fetch(`${resource}/notes/1`, { method: 'DELETE' })
      expect(deleted.status).toBe(200)
      const held = await stage.grant('data.read')
      const short = await stage.sam.request({ method: 'DELETE', url: `${resource}/notes/1` }, { token: held })
      expect(short.status).toBe(401)
      expect(stage.town.ledger.length).toBeGreaterThan(before)
    })

    it('hold a call until it is approved', async () => {
      await start()
      const token = await stage.grant('data.read')
      const held = await stage.sam.request({ method: 'POST', url: `${resource}/notes/1` }, { token })
      const location = locationOf(held)
      expect(asked.map(({ request }) => request?.path)).toEqual(['/notes/1'])
      await stage.aauth.pending.approve(String(asked[0]?.id))
      const done = await stage.sam.request({ url: location }, { token })
      expect([done.status, await done.json()]).toEqual([200, { served: true }])
    })
  })
})

describe.each(adapters)('an engine that is down [adapter %s]', (adapter) => {
  it('lets nothing pass: 503, and the operator is told why', async () => {
    const reasons: unknown[] = []
    const port = await freePort()
    const down: Policy[] = [
      authZenPolicy({ url: `http://127.0.0.1:${port}/access/v1/evaluation` }),
      cerbosPolicy({ client: new GRPC(`127.0.0.1:${port}`, { tls: false }) }),
    ]
    for (const policy of down) {
      const onEvent = (event: AAuthEvent): void => {
        if (event.name === 'refused') reasons.push(event.reason)
      }
      const stage = await openStage(adapter, { policy, onEvent }, table)
      const token = await stage.grant('data.read')
      const refused = await stage.sam.request({ url: `${resource}/notes/1` }, { token })
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
      expect(await errorOf(refused)).toBe('policy_unavailable')
      await stage.close()
    }
    expect(reasons).toHaveLength(2)
    for (const reason of reasons) expect(reason).toContain('the policy engine gave no answer')
  })
})
