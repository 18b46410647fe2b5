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
  expect([1, 2, 3, 4].map(() => budget.take(0))).toEqual([true, true, true, false])
  expect(budget.take(19_999)).toBe(false)
  expect(budget.take(20_001)).toBe(true)
  expect(budget.left(3_600_000)).toBe(3)
  expect(budget.take(0)).toBe(true)
  expect(budget.left(0)).toBe(2)
})
