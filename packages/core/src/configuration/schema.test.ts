import { describe, expect, it } from 'vitest'
import * as zod from 'zod'
import { z } from './schema.js'

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
    expect(schema instanceof zod.ZodObject).toBe(true)
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
})
