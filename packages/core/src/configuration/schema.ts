import type * as mini from 'zod/mini'
import type { core } from 'zod/mini'
import type { Makers, NumberSteps, Schema, StepName } from './schema-types.js'
import { inEnglish, makers, steps } from './zod.js'

/**
 * Zod, whose schemas are made when they are first used. There are some hundreds, most of them for what an application never
 * asks for, and to make them all takes a fifth of an import (docs: performance, "Cold start"); what is published loads Zod with
 * the first that is made (scripts/bundle.mjs). What is declared is a stand-in that remembers how to make the schema, so that
 * declarations are written as with Zod's own methods, and none of them can forget to wait.
 */
export const z: Makers = {} as Makers

/** The types that go with it. */
export declare namespace z {
  type ZodType<Output = unknown> = Schema<mini.ZodMiniType<Output>>
  type ZodNumber = Schema<mini.ZodMiniNumber<number>> & NumberSteps
  type ZodOptional<Output> = Schema<mini.ZodMiniOptional<mini.ZodMiniType<Output>>>
  type ZodLiteral<Value extends core.util.Literal> = Schema<mini.ZodMiniLiteral<Value>>
  type output<S> = core.output<S>
}

/** Each by its name: to look at Zod for them would load it. */
const makerNames: readonly (keyof Makers)[] = [
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

const stepNames: ReadonlySet<PropertyKey> = new Set<StepName>([
  'default',
  'endsWith',
  'int',
  'max',
  'min',
  'nonnegative',
  'optional',
  'or',
  'positive',
  'prefault',
  'refine',
  'regex',
  'transform',
])

type Made = mini.ZodMiniType
type Maker = (...args: readonly unknown[]) => Made

for (const name of makerNames)
  Object.defineProperty(z, name, {
    enumerable: true,
    value: (...args: readonly unknown[]) => later(() => (makers[name] as Maker)(...args.map(now))),
  })

/** How to make the schema of each stand-in. */
const made = new WeakMap<object, () => Made>()

/** A stand-in for the schema that `make` makes. */
function later(make: () => Made): object {
  let schema: Made | undefined
  const get = (): Made => {
    schema ??= make()
    return schema
  }
  // Zod takes longer to copy a context than for all of the check, so only what is at fault is checked with one.
  const safeParse: Made['safeParse'] = (given, context) => {
    const parsed = get().safeParse(given)
    return parsed.success ? parsed : get().safeParse(given, { error: inEnglish, ...context })
  }
  const standIn = new Proxy(Object.create(null) as object, {
    get(_, name) {
      if (name === 'safeParse') return safeParse
      if (stepNames.has(name))
        return (...args: readonly unknown[]) =>
          later(() => (steps[name as StepName] as Maker)(get(), ...args.map(now)))
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
