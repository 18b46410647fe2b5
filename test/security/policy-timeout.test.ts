import { once } from 'node:events'
import { createConnection } from 'node:net'
import { allow, approval, type Requirement, type ResourceOptions } from '@countersign/core'
import type { AAuthEvent } from '@countersign/core/events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { coreAdapters, resource } from '../target/start.js'
import { errorOf, interactionOf, locationOf, openStage, type Stage } from '../waiting/stage.js'
import { Visitor } from '../waiting/visitor.js'

/** A function of the application, of whatever kind: what it answers is said by each test. */
type Slow = (signal: AbortSignal) => Promise<never>

const link = (): void => {}
const never = (): Promise<never> => new Promise(() => {})
/** Async where it must not be, and rejected later. */
const rejects = (): never => Promise.resolve().then(() => Promise.reject(new Error('late'))) as never

/** Answers once the request has been answered: the test calls `settle`. */
const later = (act: (resolve: (value: never) => void, reject: (cause: Error) => void) => void) => {
  let settle = (): void => {}
  const slow: Slow = () =>
    new Promise((resolve, reject) => {
      settle = () => act(resolve, reject)
    })
  return { slow, settle: () => settle() }
}

describe.each(coreAdapters)(
  'functions of the application that give no answer in time [adapter %s]',
  (adapter) => {
    let stage: Stage
    let ran: number
    let events: AAuthEvent[]
    const unhandled: unknown[] = []
    const note = (cause: unknown): void => void unhandled.push(cause)

    beforeEach(() => {
      ran = 0
      events = []
      unhandled.length = 0
      process.on('unhandledRejection', note)
    })
    afterEach(async () => {
      await stage.close()
      await new Promise(setImmediate)
      process.off('unhandledRejection', note)
      expect(unhandled).toEqual([])
    })

    const open = async (
      requirement: Requirement,
      options: Partial<ResourceOptions> = {},
      method: TargetRoute['method'] = 'GET',
    ): Promise<void> => {
      const path = '/slow/:id'
      const table: readonly TargetRoute[] = [{ method, path, requirement, answer: () => ({ ran: ++ran }) }]
      const onEvent = (event: AAuthEvent): void => void events.push(event)
      stage = await openStage(adapter, { policyTimeout: 40, onEvent, ...options }, table)
    }
    const url = `${resource}/slow/1`
    const told = (): object[] =>
      events.flatMap((event) => {
        if (event.name !== 'policy-timeout') return []
        const { function: name, route, milliseconds } = event
        return [{ name, route, milliseconds }]
      })
    const call = async (): Promise<Response> => {
      const token = await stage.grant('data.read', { account: 'a' })
      return stage.sam.request({ url }, { token })
    }
    const expectRefused = async (response: Response): Promise<void> => {
      expect([response.status, response.headers.get('retry-after'), await errorOf(response)]).toEqual([
        503,
        '5',
        'policy_unavailable',
      ])
      expect(response.headers.get('cache-control')).toBe('no-store')
      expect(ran).toBe(0)
    }

    const scope = 'data.read'
    const ways: readonly (readonly [string, (slow: Slow) => [Requirement, Partial<ResourceOptions>?]])[] = [
      ['policy shopHours', (slow) => [{ scope, policy: named('shopHours', ({ signal }) => slow(signal)) }]],
      ['policy 1', (slow) => [{ scope, policy: [() => allow(), ({ signal }) => slow(signal)] }]],
      ['policy policy', (slow) => [{ scope }, { policy: ({ signal }) => slow(signal) }]],
      ['accounts', (slow) => [{ scope }, { accounts: ({ signal }) => slow(signal) }]],
      ['person', (slow) => [{ scope, person: (_, { signal }) => slow(signal) }]],
      ['account', (slow) => [{ scope, account: (_, { signal }) => slow(signal) }]],
      ['scope', (slow) => [{ scope: (_, { signal }) => slow(signal) }]],
      [
        'users.find',
        (slow) => [{ scope, user: true }, { users: { find: ({ signal }) => slow(signal), link } }],
      ],
      [
        'user',
        (slow) => [
          { scope, user: (_user, _caller, { signal }) => slow(signal) },
          { users: { find: () => 'mom', link } },
        ],
      ],
      [
        'approval.ask',
        (slow) => [{ scope, policy: () => approval({ ask: (_, { signal }) => slow(signal) }) }],
      ],
    ]

    it.each(ways)('are a 503 and never a pass: %s', async (name, way) => {
      let seen: AbortSignal | undefined
      const slow: Slow = (signal) => {
        seen = signal
        return never()
      }
      await open(...way(slow))
      await expectRefused(await call())
      expect(told()).toEqual([{ name, route: '/slow/:id', milliseconds: 40 }])
      expect([seen?.aborted, seen?.reason]).toEqual([true, expect.objectContaining({ name: 'TimeoutError' })])
      const decisions = events.flatMap((event) => (event.name === 'decision' ? [event] : []))
      expect(decisions).toMatchObject([
        { outcome: 'refused', code: 'policy_unavailable', status: 503, family: 'ours', route: '/slow/:id' },
      ])
      expect((await stage.aauth.health()).policyTimeouts).toBe(1)
    })

    it.each<[string, Parameters<typeof later>[0]]>([
      ['answer', (resolve) => resolve(allow() as never)],
      ['throw', (_, reject) => reject(new Error('late'))],
      [
        'answer what throws in then',
        (resolve) =>
          resolve({
            // biome-ignore lint/suspicious/noThenProperty: what it is about
            then: () => {
              throw new Error('late')
            },
          } as never),
      ],
    ])('change nothing where they %s after all', async (_name, act) => {
      for (const [, way] of ways) {
        const { slow, settle } = later(act)
        await open(...way(slow))
        await expectRefused(await call())
        const before = events.length
        settle()
        await new Promise(setImmediate)
        expect([ran, events.length, told().length]).toEqual([0, before, 1])
        if (way !== ways.at(-1)?.[1]) await stage.close()
        events = []
      }
    })

    it('say so at the authorization endpoint', async () => {
      for (const [name, slow] of [
        ['authorize', { authorize: never }],
        ['accounts', { accounts: never }],
      ] as const) {
        await open('agent', slow)
        const token = await stage.personToken()
        const asked = {
          method: 'POST',
          url: `${resource}/aauth/authorize`,
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ scope, account: 'a' }),
        }
        await expectRefused(await stage.sam.request(asked, { token }))
        expect(told()).toEqual([{ name, route: '/aauth/authorize', milliseconds: 40 }])
        if (name === 'authorize') await stage.close()
        events = []
      }
    })

    it.each<[string, Requirement, Partial<ResourceOptions>?]>([
      ['tenant', { scope: 'data.read', tenant: rejects }],
      ['mission', { scope: 'data.read', mission: rejects }],
      ['claims', { scope: 'data.read', claims: { email: rejects } }],
      ['issuers.admit', { scope: 'data.read' }, { issuers: { admit: rejects } }],
    ])('are no yes where they have to answer at once and do not: %s', async (_name, requirement, options) => {
      await open(requirement, options)
      const { mom, sam, town } = stage
      const { cnf } = sam.key
      const claims = { tenant: 'school', mission_s256: 'x'.repeat(43), email: 'mom@example' }
      const asked = { person: mom, resource, cnf, scope: 'data.read email' }
      const token = await town.ps.mintAuthToken(asked, { claims })
      const response = await sam.request({ url }, { token })
      expect([response.status, await errorOf(response), ran]).toEqual([403, 'access_denied', 0])
    })

    it('say so where a session is asked for', async () => {
      await open({ session: { by: () => never() } })
      await expectRefused(await stage.sam.request({ url }))
      expect(told()).toMatchObject([{ name: 'session.by' }])
    })

    it.each(['login', 'signOut'])('are a page with 503: %s', async (name) => {
      let slow: () => Promise<never> | string = () => never()
      const login = (): string | Promise<never> => (name === 'login' ? slow() : 'mom')
      const signOut = (): string | Promise<never> => (name === 'signOut' ? slow() : '/out')
      await open({ session: true }, { interaction: { login, signOut, insecureCookie: true } })
      const { url: page, code } = interactionOf(await stage.sam.request({ url }))
      const visitor = new Visitor(stage.town)
      const answer = await visitor.open(`${page}?code=${code}`)
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5'])
      expect(answer.text).toContain('policy_unavailable')
      expect(answer.text).not.toContain('Approve')
      expect(told()).toEqual([{ name: `interaction.${name}`, route: '/aauth/interact/*', milliseconds: 40 }])
      const json = await visitor.request(new URL(page).pathname, { headers: { Accept: 'application/json' } })
      expect([json.status, JSON.parse(json.text).error]).toEqual([503, 'policy_unavailable'])
      // The code has not been used up by it.
      slow = () => (name === 'login' ? 'mom' : '/out')
      expect((await visitor.open(new URL(page).pathname)).text).toContain('Approve')
    })

    it.each(['users.find', 'users.link'])('are a page with 503, and nobody is linked: %s', async (name) => {
      let isSlow = false
      const maybe = (one: string): undefined | Promise<never> =>
        isSlow && one === name ? never() : undefined
      const users = { find: () => maybe('users.find'), link: () => maybe('users.link') }
      const interaction = { login: () => 'mom', insecureCookie: true }
      await open({ scope, user: true }, { users, interaction })
      const asked = await call()
      const [, payload = ''] = /resource-token="[^."]+\.([^."]+)/.exec(
        asked.headers.get('aauth-requirement') ?? '',
      ) as RegExpExecArray
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
      const { url: page, code } = claims.interaction
      const visitor = new Visitor(stage.town)
      const shown = await visitor.open(`${page}?code=${code}`)
      const token = /name="token" value="([^"]+)"/.exec(shown.text)?.[1] as string
      isSlow = true
      const decided = await visitor.request(new URL(page).pathname, {
        method: 'POST',
        body: new URLSearchParams({ token, decision: 'approve' }),
      })
      expect([decided.status, decided.headers.get('retry-after')]).toEqual([503, '5'])
      expect(told()).toEqual([{ name, route: '/aauth/interact/*', milliseconds: 40 }])
      // It was not decided by it.
      isSlow = false
      expect((await visitor.open(new URL(page).pathname)).text).toContain('name="token"')
    })

    it('reject what unlinks a person', async () => {
      await open({ scope, user: true }, { users: { find: () => 'mom', link, unlink: never } })
      const person = { ps: 'https://ps.example', sub: 'x' }
      await expect(stage.aauth.users.unlink({ person })).rejects.toThrow('users.unlink gave no answer')
      expect(told()).toEqual([{ name: 'users.unlink', route: undefined, milliseconds: 40 }])
    })

    it('carry out no held call', async () => {
      let approved = false
      const policy = () => (approved ? never() : approval({ ask: () => undefined }))
      await open({ identity: 'agent', policy }, {}, 'POST')
      const pending = locationOf(await stage.sam.request({ method: 'POST', url, body: 'one' }))
      approved = true
      await stage.aauth.pending.approve(pending.slice(pending.lastIndexOf('/') + 1))
      await expectRefused(await stage.sam.request({ url: pending }))
      expect(told()).toEqual([{ name: 'policy policy', route: '/slow/:id', milliseconds: 40 }])
    })

    it('are told of on a report-only route, which is served', async () => {
      await open({ scope, policy: never, observe: true })
      const response = await call()
      expect([response.status, ran]).toEqual([200, 1])
      expect(events).toContainEqual(
        expect.objectContaining({ name: 'observed', code: 'policy_unavailable', status: 503 }),
      )
      expect(told().length).toBe(1)
    })

    it('learn that the client has gone', async () => {
      let asked = (_signal: AbortSignal): void => {}
      const began = new Promise<AbortSignal>((resolve) => {
        asked = resolve
      })
      const policy = ({ signal }: { readonly signal: AbortSignal }): Promise<never> => {
        asked(signal)
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      }
      await open({ identity: 'agent', policy }, { policyTimeout: 0 })
      const { method, rawHeaders } = await stage.sam.sign({ url })
      const socket = createConnection(stage.port, '127.0.0.1')
      await once(socket, 'connect')
      const fields = rawHeaders.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('')
      socket.write(`${method} /slow/1 HTTP/1.1\r\n${fields}\r\n`)
      const signal = await began
      const aborted = once(signal, 'abort')
      socket.destroy()
      await aborted
      await new Promise(setImmediate)
      expect([(signal.reason as Error).name, ran, told()]).toEqual(['AbortError', 0, []])
      // It is no failure of ours.
      expect(events.filter((event) => event.name === 'refused')).toMatchObject([{ family: 'caller' }])
    })

    it('leave a handler its request where they answer in time, and no listener on its connection', async () => {
      let signals = 0
      const policy = async ({ signal }: { readonly signal: AbortSignal }) => {
        if (!signal.aborted) signals++
        return allow()
      }
      await open({ scope, policy })
      const warned: unknown[] = []
      const warn = (warning: Error): void => void warned.push(warning.name)
      process.on('warning', warn)
      for (let i = 0; i < 15; i++) expect((await call()).status).toBe(200)
      process.off('warning', warn)
      expect([signals, ran, told(), warned]).toEqual([15, 15, [], []])
    })
  },
)

function named<F extends (...args: never[]) => unknown>(name: string, call: F): F {
  return Object.defineProperty(call, 'name', { value: name })
}

describe('the option policyTimeout', () => {
  it.each([-1, 1.5, '2', null, 600_001, Number.NaN])('is milliseconds: %j', async (policyTimeout) => {
    await expect(
      openStage('express', { policyTimeout: policyTimeout as number }).then((stage) => stage.close()),
    ).rejects.toThrow(/^option policyTimeout: /)
  })
})
