import { expect, it } from 'vitest'
import { DiscoveryQueue } from './discovery-queue.js'
import { NewcomerBudget } from './newcomer-budget.js'

const limits = { concurrency: 2, perIssuer: 1, queue: 2 }

it('gives each kind of discovery slots of its own', async () => {
  const queue = new DiscoveryQueue(limits)
  await queue.enter('a', 'newcomer')
  await queue.enter('b', 'newcomer')
  expect(queue.isFull('newcomer')).toBe(true)
  expect(queue.accepts('c', 'known')).toBe(true)
  await queue.enter('c', 'known')
  expect(queue.load).toEqual({ running: 3, waiting: 0 })
})

it('lets a bounded number wait, and lets them in in turn', async () => {
  const queue = new DiscoveryQueue(limits)
  const leave = await queue.enter('a', 'newcomer')
  await queue.enter('b', 'newcomer')
  const entered: string[] = []
  const waiting = ['c', 'd'].map((issuer) => queue.enter(issuer, 'newcomer').then(() => entered.push(issuer)))
  expect(queue.accepts('e', 'newcomer')).toBe(false)
  expect(queue.load).toEqual({ running: 2, waiting: 2 })
  leave()
  await waiting[0]
  expect(entered).toEqual(['c'])
  expect(queue.accepts('e', 'newcomer')).toBe(true)
})

it('lets an issuer wait without holding up the others', async () => {
  const queue = new DiscoveryQueue(limits)
  const leave = await queue.enter('a', 'known')
  const second = queue.enter('a', 'newcomer')
  await queue.enter('b', 'known')
  expect(queue.load).toEqual({ running: 2, waiting: 1 })
  leave()
  await second
  expect(queue.load).toEqual({ running: 2, waiting: 0 })
})

it('lets nobody wait in the background', async () => {
  const queue = new DiscoveryQueue(limits)
  await queue.enter('a', 'background')
  expect(queue.accepts('a', 'background')).toBe(false)
  expect(queue.accepts('b', 'background')).toBe(true)
})

const take = (
  budget: NewcomerBudget,
  now: number,
  { site, client }: { site: string; client?: string },
): boolean => budget.take(now, budget.meet(now, site, client))

it('lets so many newcomers begin in a minute', () => {
  const budget = new NewcomerBudget(3, 0)
  expect(['a', 'b', 'c', 'd'].map((group) => take(budget, 0, { site: group }))).toEqual([
    true,
    true,
    true,
    false,
  ])
  expect(take(budget, 19_999, { site: 'e' })).toBe(false)
  expect(take(budget, 20_001, { site: 'e' })).toBe(true)
  expect(budget.left(3_600_000)).toBe(3)
  expect(take(budget, 0, { site: 'f' })).toBe(true)
  expect(budget.left(0)).toBe(2)
})

it('leaves most of the budget to others, however much one site wants', () => {
  const budget = new NewcomerBudget(300, 0)
  const takeAll = (group: string, now = 0): number => {
    let taken = 0
    while (budget.take(now, { ...budget.meet(now, group), standing: 'first' })) taken++
    return taken
  }
  expect(takeAll('a')).toBe(75)
  expect(['b', 'c', 'd'].map((group) => takeAll(group))).toEqual([56, 42, 31])
  for (let index = 0; index < 8; index++) takeAll(`more-${index}`)
  expect(take(budget, 0, { site: 'new' })).toBe(true)
  // What one group has taken is forgiven at the rate at which it could have had it.
  expect(takeAll('a', 59_000)).toBeLessThan(90)
  expect(takeAll('a', 3_600_000)).toBe(75)
})

it('gives a site that is alone a quarter of the slots and of the queue, but not of what was named', async () => {
  const queue = new DiscoveryQueue({ concurrency: 8, perIssuer: 2, queue: 8 })
  const made = (index: number): string => `https://i${index}.evil.example`
  for (let index = 0; index < 4; index++) void queue.enter(made(index), 'known')
  await Promise.resolve()
  expect(queue.load).toEqual({ running: 2, waiting: 2 })
  expect(queue.accepts(made(9), 'known')).toBe(false)
  expect(queue.accepts('https://ps.example', 'known')).toBe(true)
  for (let index = 0; index < 8; index++) void queue.enter(made(index), 'named')
  expect(queue.load).toEqual({ running: 10, waiting: 2 })
})

it('keeps a part of the budget for sites that come for the first time from those turned away before', () => {
  const budget = new NewcomerBudget(80, 0)
  for (let index = 0; index < 200; index++) take(budget, 0, { site: `evil-${index}.example` })
  expect(budget.left(0)).toBe(0)
  expect(budget.meet(0, 'evil-79.example').standing).toBe('fetched')
  expect(budget.meet(0, 'evil-80.example').standing).toBe('turnedAway')
  expect(budget.meet(0, 'honest.example').standing).toBe('first')
  // All of them again: those that were served leave a quarter, those turned away an eighth.
  for (let index = 0; index < 80; index++) take(budget, 60_000, { site: `evil-${index}.example` })
  expect(budget.left(60_000)).toBe(20)
  for (let index = 80; index < 200; index++) take(budget, 60_000, { site: `evil-${index}.example` })
  expect(budget.left(60_000)).toBe(10)
  for (let index = 0; index < 10; index++)
    expect(take(budget, 60_000, { site: `honest-${index}.example` })).toBe(true)
  expect(budget.left(60_000)).toBe(0)
})

it('does not hold it against a site that a client without a share has named it', () => {
  const budget = new NewcomerBudget(80, 0)
  for (let index = 0; index < 80; index++) take(budget, 0, { site: `evil-${index}.example`, client: 'a' })
  expect(budget.left(0)).toBe(60)
  const named = { site: 'honest.example' }
  expect(take(budget, 0, { ...named, client: 'a' })).toBe(false)
  budget.turnedAway(0, budget.meet(0, 'honest.example', 'a'))
  expect(budget.meet(0, 'honest.example').standing).toBe('first')
  budget.turnedAway(0, budget.meet(0, 'honest.example'))
  expect(budget.meet(0, 'honest.example').standing).toBe('turnedAway')
})

it('has slots for issuers that are not held any more apart from those of issuers that are', async () => {
  const queue = new DiscoveryQueue(limits)
  for (const site of ['a', 'b', 'c', 'd']) void queue.enter(`https://${site}.example`, 'former')
  expect(queue.accepts('https://e.example', 'former')).toBe(false)
  expect(queue.accepts('https://e.example', 'known')).toBe(true)
})
