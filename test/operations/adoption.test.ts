import { createMemoryStore, type ResourceOptions, type Store } from '@countersign/core'
import type { AdoptionReport } from '@countersign/core/adapter'
import { type Agent, createTown, type Town } from '@countersign/devkit'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { adapters, type RunningTarget, resource, startTarget } from '../target/start.js'
import { blockOf, pageOf, sectionOf } from './page.js'

// From observing to enforcing, and what docs/adoption.md says of it.

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 })

const answer: TargetRoute['answer'] = ({ caller }) => ({
  kind: (caller as { kind?: string } | null)?.kind ?? 'nobody',
})
const table: readonly TargetRoute[] = [
  { method: 'GET', path: '/loaves', requirement: { scope: 'data.read' }, answer },
  { method: 'POST', path: '/orders', requirement: { scope: 'data.write' }, answer },
]

/** Where a key stands among all keys, in percent; by the definition, not by our code. */
function placeOf(agent: Agent): number {
  const [a = 0, b = 0, c = 0] = Buffer.from(agent.key.jkt, 'base64url')
  return ((a * 65_536 + b * 256 + c) / 2 ** 24) * 100
}

function withKeyAt(agent: Agent, from: number, to: number): Agent {
  while (!(placeOf(agent) >= from && placeOf(agent) < to)) agent.rotateKey()
  return agent
}

let town: Town
let time: { ms: number }
const targets: RunningTarget[] = []
const clock = (): number => time.ms

beforeEach(async () => {
  time = { ms: Date.UTC(2027, 0, 4, 9) }
  town = await createTown({ clock })
})
afterEach(async () => {
  await stop()
  await town.close()
})

async function stop(): Promise<void> {
  for (const target of targets.splice(0)) {
    await target.aauth.report()
    target.aauth.close()
    await target.close()
  }
}

async function start(adapter: string, options: Partial<ResourceOptions>): Promise<RunningTarget> {
  const target = await startTarget(
    adapter,
    0,
    { fetch: town.fetchAs('rs.example'), clock, ...options },
    table,
  )
  targets.push(target)
  town.route('rs.example', target.port)
  return target
}

describe.each(adapters)('the share of keys for which a route is enforced [adapter %s]', (adapter) => {
  const options = { observe: true, enforce: { percent: 40, by: 'key' } } as const
  const statusOf = async (agent: Agent, url: string, token?: string): Promise<number> =>
    (await agent.request({ url: `${resource}${url}` }, token === undefined ? {} : { token })).status
  const unsigned = async (target: RunningTarget): Promise<number> =>
    (await fetch(`http://127.0.0.1:${target.port}/loaves`)).status

  it('has one agent meet one behaviour: with any token, of any age', async () => {
    await start(adapter, options)
    for (const [agent, status] of [
      [withKeyAt(town.agent('early'), 0, 39.9), 401],
      [withKeyAt(town.agent('late'), 40.1, 100), 200],
    ] as const) {
      const old = await agent.mintAgentToken({
        claims: { exp: time.ms / 1000 - 1, iat: time.ms / 1000 - 90 },
      })
      for (const token of [undefined, old, `${(await agent.agentToken()).jwt}x`])
        expect(await statusOf(agent, '/loaves', token)).toBe(status)
    }
  })

  it('serves whoever is enforced and does as it is told', async () => {
    await start(adapter, options)
    const mom = town.person('mom')
    for (const agent of [
      withKeyAt(town.agent('early', { person: mom }), 0, 39.9),
      withKeyAt(town.agent('late', { person: mom }), 40.1, 100),
    ]) {
      const response = await agent.fetch(`${resource}/loaves`)
      expect([response.status, await response.json()]).toEqual([
        200,
        { kind: agent.name === 'early' ? 'grant' : 'nobody' },
      ])
    }
  })

  it('leaves requests that name no key alone until it is 100', async () => {
    expect(await unsigned(await start(adapter, options))).toBe(200)
    expect(
      await unsigned(await start(adapter, { observe: true, enforce: { percent: 99.9, by: 'key' } })),
    ).toBe(200)
    expect(
      await unsigned(await start(adapter, { observe: true, enforce: { percent: 100, by: 'key' } })),
    ).toBe(401)
    const nobody = await start(adapter, { observe: true, enforce: { percent: 0, by: 'key' } })
    expect(await unsigned(nobody)).toBe(200)
    expect(await statusOf(withKeyAt(town.agent('first'), 0, 1), '/loaves')).toBe(200)
    const { rows } = await nobody.aauth.report()
    expect(rows).toMatchObject([
      { enforced: false, code: 'person-token', status: 401 },
      { enforced: false, code: 'person-token', status: 401 },
    ])
  })

  it('breaks nothing with a key that is none', async () => {
    const target = await start(adapter, options)
    for (const value of [
      'sig=jwt;jwt="a.e30.b"',
      'sig=jwt;jwt="a.bnVsbA.b"',
      'sig=jwt;jwt=1',
      '(',
      'sig=jwt',
      'x'.repeat(9000),
    ]) {
      const response = await fetch(`http://127.0.0.1:${target.port}/loaves`, {
        headers: { 'Signature-Key': value, Signature: 'sig=:AA==:', 'Signature-Input': 'sig=()' },
      })
      expect(response.status).toBe(200)
    }
  })
})

/** The agents of a week: three that do as they are told, one that never meets a challenge, and a script that signs nothing. */
interface Callers {
  readonly good: readonly Agent[]
  readonly old: Agent
  readonly isMended?: boolean
}

async function dayOf(
  calls: number,
  { good, old, isMended = false }: Callers,
  ports: readonly number[],
): Promise<void> {
  for (let call = 0; call < calls; call++) {
    const port = ports[call % ports.length] as number
    town.route('rs.example', port)
    for (const agent of good) await agent.fetch(`${resource}/loaves`)
    if (call % 2 === 0) await good[0]?.fetch(`${resource}/orders`, { method: 'POST', body: '{}' })
    if (isMended) await old.fetch(`${resource}/loaves`)
    else await old.request({ url: `${resource}/loaves` })
    if (call % 3 === 0) await fetch(`http://127.0.0.1:${port}/loaves`)
    time.ms += 3_600_000
  }
}

const title = ['route', 'code', 'enforced', 'agent', 'count', 'first', 'last']

function printed({ rows }: AdoptionReport): string {
  const day = (at: number): string => new Date(at * 1000).toISOString().slice(5, 16).replace('T', ' ')
  const lines = rows
    .map(({ route, code, enforced, agent = '-', count, first, last }) => [
      route,
      code,
      enforced ? 'yes' : 'no',
      // A key has another thumbprint each time.
      agent.startsWith('jkt:') ? 'jkt:…' : agent,
      String(count),
      day(first),
      day(last),
    ])
    .sort(
      (a, b) =>
        a.slice(0, 4).join(' ').localeCompare(b.slice(0, 4).join(' '), 'en') || Number(b[4]) - Number(a[4]),
    )
  const widths = title.map((name, i) =>
    Math.max(name.length, ...lines.map((line) => (line[i] as string).length)),
  )
  return [title, ...lines]
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i] as number))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

it('is a week, as docs/adoption.md prints it: two instances of two frameworks, and one report', async () => {
  const mom = town.person('mom')
  const callers: Callers = {
    good: [
      withKeyAt(town.agent('baker', { person: mom }), 2, 8),
      withKeyAt(town.agent('clerk', { person: mom }), 30, 45),
      withKeyAt(town.agent('scout', { person: mom }), 60, 95),
    ],
    old: withKeyAt(town.agent('scribe', { person: mom }), 12, 28),
  }
  const store: Store = createMemoryStore({ clock })
  const page = sectionOf(pageOf('adoption'), '## A week, as printed')
  const enforcing = (percent: number): Partial<ResourceOptions> => ({
    observe: true,
    enforce: { percent, by: 'key' },
  })
  const days: readonly (readonly [name: string, options: Partial<ResourceOptions>, print?: 'print'])[] = [
    ['Monday', { observe: true }],
    ['Tuesday evening, after two days of observe: true', { observe: true }, 'print'],
    ['Wednesday evening, after a day of 10 percent', enforcing(10), 'print'],
    ['Thursday', enforcing(50)],
    ['Friday evening, after two days of 50 percent', enforcing(50), 'print'],
    ['Saturday', enforcing(100)],
    ['Sunday evening, after two days of 100 percent', enforcing(100), 'print'],
  ]
  const text: string[] = []
  for (const [name, options, print] of days) {
    // Whoever runs it has been told on Friday, and has mended it.
    const isMended = name.startsWith('S')

    await stop()
    const instances = await Promise.all(
      ['express', 'fastify'].map((adapter) => start(adapter, { ...options, store })),
    )
    await dayOf(
      4,
      { ...callers, isMended },
      instances.map(({ port }) => port),
    )
    for (const { aauth } of instances) await aauth.report()
    const report = await (instances[0] as RunningTarget).aauth.report()
    expect(report.complete).toBe(true)
    if (print !== undefined) text.push(`== ${name}`, printed(report), '')
    time.ms += 20 * 3_600_000
  }
  if (process.env['PRINT'] !== undefined) console.log(text.join('\n'))
  expect(`${text.join('\n').trimEnd()}\n`).toBe(blockOf(page, 'text'))
})
