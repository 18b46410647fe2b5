import { spawnSync } from 'node:child_process'
import { describe, expect, it, vi } from 'vitest'
import { weightOf } from './json.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000 })

describe('the weight of JSON', () => {
  it('grows with what is small as well as with what is long', () => {
    expect(weightOf({})).toBeGreaterThan(50)
    expect(weightOf(new Array(100).fill({}))).toBeGreaterThan(100 * 60)
    expect(weightOf('x'.repeat(1000))).toBeLessThan(1100)
    expect(weightOf(`${'x'.repeat(999)}€`)).toBeGreaterThan(2000)
    expect(weightOf({ a: 1, b: [true, null, 'c'] })).toBeGreaterThan(weightOf({ a: 1, b: [] }))
  })

  it('is not counted to the end of what is too heavy', () => {
    let looked = 0
    const endless = new Proxy([], {
      get: (_, name) => (name === 'length' ? 1e9 : name === Symbol.iterator ? forever : undefined),
    })
    function* forever(): Generator<object> {
      while (true) {
        looked++
        yield {}
      }
    }
    expect(weightOf(endless, 10_000)).toBeGreaterThan(10_000)
    expect(looked).toBeLessThan(200)
  })

  // What a child process says of its heap, over values of which each has its own texts and names.
  it('is not less than what V8 takes', () => {
    const kinds: Record<string, (i: number) => string> = {
      'empty objects': () => `{"a":[${'{},'.repeat(99)}{}]}`,
      'empty arrays': () => `{"a":[${'[],'.repeat(99)}[]]}`,
      fractions: () => `{"a":["",${'1.5,'.repeat(99)}1.5]}`,
      texts: (i) => JSON.stringify({ a: Array.from({ length: 100 }, (_, j) => `${i}-${j}`) }),
      'texts of two bytes': (i) => JSON.stringify({ a: `${'€'.repeat(500)}${i}` }),
      'names of its own': (i) => `{${Array.from({ length: 100 }, (_, j) => `"n${i * 100 + j}":0`).join()}}`,
      'many objects with names of their own': (i) =>
        `{"a":[${Array.from({ length: 100 }, (_, j) => `{"n${i * 100 + j}":0}`).join()}]}`,
      'names that are numbers': (i) =>
        `{"a":[${Array.from({ length: 100 }, (_, j) => `{"${(i * 100 + j) * 7919}":0}`).join()}]}`,
    }
    const programme = `
      const kinds = {${Object.entries(kinds).map(([name, make]) => `${JSON.stringify(name)}: ${make}`)}}
      const freeze = (v) => { if (typeof v === 'object' && v !== null) { Object.freeze(v); Object.values(v).forEach(freeze) } return v }
      for (const [name, make] of Object.entries(kinds)) {
        globalThis.gc(); globalThis.gc()
        const before = process.memoryUsage().heapUsed
        const kept = []
        for (let i = 0; i < 500; i++) kept.push(freeze(JSON.parse(make(i))))
        globalThis.gc(); globalThis.gc()
        console.log(JSON.stringify([name, (process.memoryUsage().heapUsed - before) / kept.length]))
      }`
    const { stdout } = spawnSync(process.execPath, ['--expose-gc', '-e', programme], { encoding: 'utf8' })
    const measured = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as [string, number])
    expect(measured).toHaveLength(Object.keys(kinds).length)
    for (const [name, bytes] of measured) {
      const counted = weightOf(JSON.parse((kinds[name] as (i: number) => string)(7)))
      expect(counted, name).toBeGreaterThan(0.95 * bytes)
    }
  })
})
