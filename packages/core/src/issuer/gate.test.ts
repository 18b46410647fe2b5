import { expect, it } from 'vitest'
import { Budget } from './budget.js'
import { Gate } from './gate.js'

const limits = { concurrency: 2, perIssuer: 1, queue: 2 }

it('gives each lane its own places', async () => {
  const gate = new Gate(limits)
  await gate.enter('a', 'newcomer')
  await gate.enter('b', 'newcomer')
  expect(gate.isFull('newcomer')).toBe(true)
  expect(gate.hasRoom('c', 'known')).toBe(true)
  await gate.enter('c', 'known')
  expect(gate.load).toEqual({ running: 3, waiting: 0 })
})

it('lets a bounded number wait, and lets them in in turn', async () => {
  const gate = new Gate(limits)
  const leave = await gate.enter('a', 'newcomer')
  await gate.enter('b', 'newcomer')
  const entered: string[] = []
  const waiting = ['c', 'd'].map((issuer) => gate.enter(issuer, 'newcomer').then(() => entered.push(issuer)))
  expect(gate.hasRoom('e', 'newcomer')).toBe(false)
  expect(gate.load).toEqual({ running: 2, waiting: 2 })
  leave()
  await waiting[0]
  expect(entered).toEqual(['c'])
  expect(gate.hasRoom('e', 'newcomer')).toBe(true)
})

it('lets an issuer wait without holding up the others', async () => {
  const gate = new Gate(limits)
  const leave = await gate.enter('a', 'known')
  const second = gate.enter('a', 'newcomer')
  await gate.enter('b', 'known')
  expect(gate.load).toEqual({ running: 2, waiting: 1 })
  leave()
  await second
  expect(gate.load).toEqual({ running: 2, waiting: 0 })
})

it('lets nobody wait in the background', async () => {
  const gate = new Gate(limits)
  await gate.enter('a', 'background')
  expect(gate.hasRoom('a', 'background')).toBe(false)
  expect(gate.hasRoom('b', 'background')).toBe(true)
})

it('keeps a budget of so many a minute', () => {
  const budget = new Budget(3, 0)
  expect(['a', 'b', 'c', 'd'].map((group) => budget.take(0, group))).toEqual([true, true, true, false])
  expect(budget.take(19_999, 'e')).toBe(false)
  expect(budget.take(20_001, 'e')).toBe(true)
  expect(budget.left(3_600_000)).toBe(3)
  expect(budget.take(0, 'f')).toBe(true)
  expect(budget.left(0)).toBe(2)
})

it('leaves most of a budget to others, however many one group wants', () => {
  const budget = new Budget(300, 0)
  const take = (group: string, now = 0): number => {
    let taken = 0
    while (budget.take(now, group)) taken++
    return taken
  }
  expect(take('a')).toBe(75)
  expect(['b', 'c', 'd'].map((group) => take(group))).toEqual([56, 42, 31])
  for (let index = 0; index < 8; index++) take(`more-${index}`)
  expect(budget.take(0, 'new')).toBe(true)
  // What one group has taken is forgiven at the rate at which it could have had it.
  expect(take('a', 59_000)).toBeLessThan(90)
  expect(take('a', 3_600_000)).toBe(75)
})

it('gives a site that is alone a quarter of the places and of the queue, but not of what was named', async () => {
  const gate = new Gate({ concurrency: 8, perIssuer: 2, queue: 8 })
  const made = (index: number): string => `https://i${index}.evil.example`
  for (let index = 0; index < 4; index++) void gate.enter(made(index), 'known')
  await Promise.resolve()
  expect(gate.load).toEqual({ running: 2, waiting: 2 })
  expect(gate.hasRoom(made(9), 'known')).toBe(false)
  expect(gate.hasRoom('https://ps.example', 'known')).toBe(true)
  for (let index = 0; index < 8; index++) void gate.enter(made(index), 'named')
  expect(gate.load).toEqual({ running: 10, waiting: 2 })
})
