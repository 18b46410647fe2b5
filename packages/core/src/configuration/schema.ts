import type * as zod from 'zod'
import { type Makers, makers } from './zod.js'

/**
 * Zod, whose schemas are made when they are first used. There are some hundreds, most of them for what an application never
 * asks for, and to make them all takes a fifth of an import (docs: performance, "Cold start"); what is published loads Zod with
 * the first that is made (scripts/bundle.mjs). What is declared is a stand-in
 * that remembers how to make the schema, so that declarations are written as with Zod itself, and none of them can forget to
 * wait.
 */
export const z: Makers = {} as Makers

/** The types of zod that go with it. */
export declare namespace z {
  type ZodType<Output = unknown> = zod.ZodType<Output>
  type ZodBoolean = zod.ZodBoolean
  type ZodNumber = zod.ZodNumber
  type ZodOptional<Inner extends zod.core.SomeType> = zod.ZodOptional<Inner>
  type ZodLiteral<Value extends zod.core.util.Literal> = zod.ZodLiteral<Value>
  type output<Schema> = zod.output<Schema>
}

/** Each by its name: to look at Zod for them would load it. */
const names: readonly (keyof Makers)[] = [
  'array',
  'boolean',
  'custom',
  'date',
  'enum',
  'int',
  'literal',
  'looseObject',
  'number',
  'object',
  'record',
  'strictObject',
  'string',
  'tuple',
  'undefined',
  'union',
  'unknown',
  'url',
]

type Maker = (...args: readonly unknown[]) => object

for (const name of names)
  Object.defineProperty(z, name, {
    enumerable: true,
    value: (...args: readonly unknown[]) => later(() => (makers[name] as Maker)(...args.map(now))),
  })

/** How to make the schema of each stand-in. */
const made = new WeakMap<object, () => object>()

/** Methods that make another schema of one, which can wait as well. Everything else needs the schema itself. */
const steps: ReadonlySet<PropertyKey> = new Set([
  'catch',
  'check',
  'default',
  'endsWith',
  'int',
  'length',
  'max',
  'min',
  'nonempty',
  'nonnegative',
  'nullable',
  'optional',
  'or',
  'positive',
  'prefault',
  'refine',
  'regex',
  'startsWith',
  'superRefine',
  'transform',
])

/** A stand-in for the schema that `make` makes. */
function later(make: () => object): object {
  let schema: object | undefined
  const get = (): object => {
    schema ??= make()
    return schema
  }
  const standIn = new Proxy(Object.create(null) as object, {
    get(_, name) {
      if (schema === undefined && steps.has(name))
        return (...args: readonly unknown[]) =>
          later(() => (Reflect.get(get(), name) as Maker).apply(get(), args.map(now)))
      const value: unknown = Reflect.get(get(), name)
      return typeof value === 'function' ? (value.bind(get()) as unknown) : value
    },
    has: (_, name) => Reflect.has(get(), name),
  })
  made.set(standIn, get)
  return standIn
}

/** An argument for Zod: with schemas in place of their stand-ins, at any depth. */
function now(given: unknown): unknown {
  if (typeof given !== 'object' || given === null) return given
  const schema = made.get(given)
  if (schema !== undefined) return schema()
  if (Array.isArray(given)) return given.map(now)
  if (Object.getPrototypeOf(given) !== Object.prototype) return given
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, now(value)]))
}
