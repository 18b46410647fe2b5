import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import type { VerificationKey } from './keys.js'
import { Rows, slice } from './rows.js'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void
const key = {} as VerificationKey
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

describe('verifications in a row', () => {
  it('are made in the order in which they came, no more in a turn than take a millisecond, and fail alone', async () => {
    const order: number[] = []
    const rows = new Rows((_, [n = 0]) => {
      order.push(n)
      if (n === 3) throw new Error('three')
      return n % 2 === 0
    })
    const ask = (n: number): Promise<unknown> =>
      rows.verify(key, new Uint8Array([n]), new Uint8Array()).catch((cause: Error) => cause.message)
    const first = Array.from({ length: 12 }, (_, n) => ask(n))
    expect(rows.waiting).toBe(12)
    await turn()
    expect([order.length, rows.waiting]).toEqual([slice, 4])
    const second = Array.from({ length: 12 }, (_, n) => ask(12 + n))
    await turn()
    expect([order.length, rows.waiting]).toEqual([2 * slice, 8])
    const answers = await Promise.all([...first, ...second])
    expect(answers).toEqual(answers.map((_, n) => (n === 3 ? 'three' : n % 2 === 0)))
    expect([order, rows.waiting]).toEqual([answers.map((_, n) => n), 0])
  })

  it('are not kept once they are made, while there are always others that wait', async () => {
    const rows = new Rows(() => true)
    const kept: WeakRef<Uint8Array>[] = []
    const ask = (): void => {
      const data = new Uint8Array(1024)
      kept.push(new WeakRef(data))
      void rows.verify(key, data, data)
    }
    for (let n = 0; n < 2 * slice; n++) ask()
    for (let turns = 0; turns < 200; turns++) {
      await turn()
      for (let n = 0; n < slice; n++) ask()
      expect(rows.waiting).toBeGreaterThanOrEqual(slice)
    }
    gc()
    await turn()
    gc()
    const left = kept.filter((one) => one.deref() !== undefined).length
    expect(kept.length).toBe(202 * slice)
    expect(left).toBeLessThan(8 * slice)
  })
})
