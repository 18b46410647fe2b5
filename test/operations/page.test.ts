import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createMemoryStore, createResourceServer, type ResourceOptions, type Store } from '@countersign/core'
import { createKey } from '@countersign/devkit'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { eventFiles } from '../docs/events.js'
import { locationOf, openStage, type Stage } from '../waiting/stage.js'
import { runExample } from './example.js'
import { blocksOf, codesOf, pageOf, rowsOf, sectionOf } from './page.js'

// What docs/operations.md says of us, held to the code.

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const page = pageOf('operations')
const resource = 'https://rs.example'
const declared = eventFiles
  .flatMap((path) => [...readFileSync(path, 'utf8').matchAll(/^ {2}readonly name: (.*)$/gm)])
  .flatMap((match) => [...(match[1] as string).matchAll(/'([^']+)'/g)].map((name) => name[1] as string))

describe('events', () => {
  it('are all in the table of what each means, once', () => {
    expect(declared.length).toBeGreaterThan(20)
    const named = rowsOf(sectionOf(page, '## What each event means')).map(
      ([name]) => codesOf(name as string)[0],
    )
    expect([...named].sort()).toEqual([...declared].sort())
  })

  it('that are alerted on are some of them', () => {
    const alerts = rowsOf(sectionOf(page, '## What to alert on')).map(
      ([cell]) => codesOf(cell as string)[0] as string,
    )
    expect(alerts.filter((name) => !declared.includes(name))).toEqual(['health().ok'])
  })
})

describe('paths at the root', () => {
  const rows = rowsOf(sectionOf(page, '### Paths at the root')).map(([path, , when]) => ({
    path: codesOf(path as string)[0],
    below: path?.endsWith('and below'),
    when: when as string,
  }))
  const signingKeys = [createKey().privateJwk]
  const interaction: ResourceOptions['interaction'] = { login: () => 'mom' }
  const pathsOf = (options: Partial<ResourceOptions>) =>
    createResourceServer({ resource, ...options }).endpoints.map(({ path, prefix = false }) => ({
      path,
      below: prefix,
    }))

  it('are those of our endpoints', () => {
    const all = pathsOf({ signingKeys, scopes: { read: 'Read' }, interaction })
    expect(rows.map(({ path, below }) => ({ path, below }))).toEqual(expect.arrayContaining(all))
    expect(rows).toHaveLength(all.length)
  })

  it.each<[when: string, options: Partial<ResourceOptions>]>([
    ['with `signingKeys`', { scopes: {}, interaction }],
    ['with `scopes`', { signingKeys, interaction }],
    ['unless `paths.revocation` is `false`', { paths: { revocation: false } }],
    ['with `interaction`', { signingKeys, scopes: { read: 'Read' } }],
  ])('are there %s', (when, options) => {
    const row = rows.find((each) => each.when === when)
    expect(row).toBeDefined()
    expect(pathsOf(options).map(({ path }) => path)).not.toContain(row?.path)
  })
})

describe('several processes under one origin', () => {
  it('carry out their own calls at pending URLs of their own', async () => {
    const store = createMemoryStore()
    const signingKeys = [createKey().privateJwk]
    const asked: string[] = []
    const policy: ResourceOptions['policy'] = () => ({
      verdict: 'approval',
      ask: ({ id }) => void asked.push(id),
    })
    const open = (name: string, paths: ResourceOptions['paths']): Promise<Stage> =>
      openStage('express', { store, signingKeys, policy, ...(paths && { paths }) }, [
        { method: 'GET', path: `/${name}`, requirement: 'agent', answer: () => ({ by: name }) },
      ])
    const notes = await open('notes', {})
    const orders = await open('orders', { pending: '/orders/aauth/pending/' })
    const deferred = await orders.sam.request({ url: `${resource}/orders` })
    const url = locationOf(deferred)
    expect(new URL(url).pathname).toMatch(/^\/orders\/aauth\/pending\//)
    expect(await orders.aauth.pending.approve(asked[0] as string)).toBe(true)
    const answer = await orders.sam.request({ url })
    expect([answer.status, await answer.json()]).toEqual([200, { by: 'orders' }])
    await Promise.all([notes.close(), orders.close()])
  })
})

describe('the calendar of rotations', () => {
  const rows = rowsOf(sectionOf(page, '## Calendar of rotations'))
  const secondsIn = (row: number): number[] =>
    [...(rows[row]?.join(' ') ?? '').matchAll(/(\d+) seconds/g)].map((match) => Number(match[1]))
  let now: number
  beforeEach(() => {
    now = Date.UTC(2026, 10, 1)
  })

  it('has the overlaps that the keys keep themselves', () => {
    const [old, fresh] = [createKey(), createKey()]
    const clock = (): number => now
    const { keys } = createResourceServer({
      resource,
      signingKeys: [old.privateJwk],
      scopes: { read: 'Read' },
      clock,
    })
    const [before, after] = secondsIn(0) as [number, number]
    keys.publish(fresh.privateJwk)
    now += (before - 1) * 1000
    expect(() => keys.promote(fresh.kid)).toThrow(RangeError)
    now += 1000
    keys.promote(fresh.kid)
    now += (after - 1) * 1000
    expect(() => keys.retire(old.kid)).toThrow(RangeError)
    now += 1000
    keys.retire(old.kid)
    expect(keys.list().map(({ kid }) => kid)).toEqual([fresh.kid])
  })

  it('has the lifetime of sessions', () => {
    const options = readFileSync(
      fileURLToPath(new URL('../../packages/core/src/session/options.ts', import.meta.url)),
      'utf8',
    )
    const lifetime = Number(
      /\blifetime: seconds\.default\(([\d_]+)\)/.exec(options)?.[1]?.replaceAll('_', ''),
    )
    expect([...secondsIn(1), ...secondsIn(2)]).toEqual([lifetime, lifetime])
  })
})

describe('health', () => {
  it.each(['express', 'fastify'])(
    'of the example says ready, and live when it is not [adapter %s]',
    async (adapter) => {
      const examples = blocksOf(sectionOf(page, '## Health'), 'ts')
      const code = examples.find((text) => text.includes(`from '${adapter}'`)) as string
      const memory = createMemoryStore()
      let isDown = false
      const orFail = <V>(value: V): V => {
        if (isDown) throw new Error('down')
        return value
      }
      const store: Store = {
        get: (key) => orFail(memory.get(key)),
        put: (key, value, ttl) => orFail(memory.put(key, value, ttl)),
        claim: (key, value, ttl) => orFail(memory.claim(key, value, ttl)),
        delete: (key) => orFail(memory.delete(key)),
      }
      const running = await runExample(code, { resource, store })
      const ask = async (path: string): Promise<[number, string]> => {
        const answer = await fetch(`http://127.0.0.1:${running.port}${path}`)
        return [answer.status, await answer.text()]
      }
      expect([await ask('/live'), await ask('/ready')]).toEqual([
        [204, ''],
        [200, '{"ok":true}'],
      ])
      isDown = true
      expect([await ask('/live'), await ask('/ready')]).toEqual([
        [204, ''],
        [503, '{"ok":false}'],
      ])
      await running.close()
    },
  )
})
