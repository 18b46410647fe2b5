import { describe, expect, it } from 'vitest'
import * as classic from 'zod'
import * as zod from 'zod/mini'
import { z } from './schema.js'

type Zod = typeof z

describe('schemas that are made when they are first used', () => {
  it('are zod’s, however they are put together', () => {
    const size = z.int().min(1, 'must be at least 1').max(9)
    const common = { name: z.string().min(1).optional(), size: size.default(3) }
    const schema = z.strictObject({
      ...common,
      kind: z.enum(['a', 'b']),
      either: z.union([z.string(), z.array(z.string())]).optional(),
      inner: z.looseObject({ on: z.boolean().default(false) }).prefault({}),
    })
    expect(schema.parse({ kind: 'a', either: ['x'] })).toEqual({
      kind: 'a',
      either: ['x'],
      size: 3,
      inner: { on: false },
    })
    expect(schema.safeParse({ kind: 'a', size: 0 }).error?.issues[0]).toMatchObject({
      path: ['size'],
      message: 'must be at least 1',
    })
    expect(schema.safeParse({ kind: 'a', other: 1 }).error?.issues[0]?.code).toBe('unrecognized_keys')
    expect(Object.keys(schema.shape)).toEqual(['name', 'size', 'kind', 'either', 'inner'])
    expect(schema instanceof zod.ZodMiniObject).toBe(true)
  })

  it('may be part of one of zod’s own, and go on being put together once they were used', () => {
    const text = z.string()
    const own = zod.object({ text })
    expect(own.parse({ text: 'x' })).toEqual({ text: 'x' })
    expect(text.parse('y')).toBe('y')
    expect(text.min(2).safeParse('y').success).toBe(false)
    expect(text.optional().parse(undefined)).toBeUndefined()
  })

  it('are made once, and not before', () => {
    let asked = 0
    const members = {
      get text() {
        asked++
        return zod.string()
      },
    }
    const schema = z.strictObject(members).optional()
    expect(asked).toBe(0)
    expect(schema.safeParse({ text: 'x' }).success).toBe(true)
    const once = asked
    expect(schema.safeParse({ text: 7 }).success).toBe(false)
    expect(asked).toBe(once)
  })

  it('say what is wrong in English, whatever the application has told Zod to say, and tell Zod nothing', () => {
    const before = { ...classic.config() }
    try {
      classic.config(classic.locales.de())
      const schema = z.strictObject({ size: z.int().max(9), list: z.array(z.string()).min(1) })
      const messages = (given: unknown): unknown =>
        schema.safeParse(given).error?.issues.map(({ message }) => message)
      expect(messages({ size: 10, list: [] })).toEqual([
        'Too big: expected number to be <=9',
        'Too small: expected array to have >=1 items',
      ])
      expect(messages({ size: 'x', list: ['x'] })).toEqual([
        'Invalid input: expected number, received string',
      ])
      expect(classic.string().safeParse(7).error?.issues[0]?.message).toMatch(/^Ungültige Eingabe/)
    } finally {
      classic.config({ localeError: before.localeError, customError: before.customError })
    }
  })

  it.each([
    [
      'a number',
      (from: Zod) => from.int().min(2).max(4).nonnegative().positive(),
      [1, 2, 4, 5, 2.5, -1, '2'],
    ],
    ['a whole one', (from: Zod) => from.number('a').int('b'), [1, 1.5, 'x', Number.NaN]],
    ['a text', (from: Zod) => from.string().min(2, 'short').max(4), ['a', 'ab', 'abcde', 7]],
    ['its form', (from: Zod) => from.string().regex(/^a/, 'no a').endsWith('z'), ['az', 'bz', 'ab', 'b']],
    [
      'a list',
      (from: Zod) => from.array(from.string()).min(1).max(2, 'long'),
      [[], ['a'], ['a', 'b', 'c'], [7]],
    ],
    [
      'a default',
      (from: Zod) => from.strictObject({ a: from.int().default(3) }).prefault({}),
      [undefined, {}, { a: 1 }, { b: 1 }],
    ],
    ['a union', (from: Zod) => from.string().or(from.literal(false)), ['a', false, true]],
    [
      'a rule',
      (from: Zod) =>
        from
          .strictObject({ a: from.string() })
          .refine(({ a }) => a === 'a', { path: ['a'], message: 'no a' }),
      [{ a: 'a' }, { a: 'b' }, { a: 1 }],
    ],
    ['a change', (from: Zod) => from.string().transform((text) => text.length), ['abc', 1]],
    [
      'names',
      (from: Zod) => from.record(from.string().regex(/^a/), from.int()),
      [{ a: 1 }, { b: 1 }, { a: 'x' }, []],
    ],
  ])('take, make and refuse what those of Zod with methods do, word for word: %s', (_, make, given) => {
    for (const value of given) {
      const [ours, theirs] = [make(z).safeParse(value), make(classic as unknown as Zod).safeParse(value)]
      expect(ours.data).toEqual(theirs.data)
      expect(ours.error?.issues).toEqual(theirs.error?.issues)
    }
  })
})
