import type * as mini from 'zod/mini'
import type { core } from 'zod/mini'
import type { Makers, NumberSteps, Schema, StepName } from './schema-types.js'
import { inEnglish, makers, steps } from './zod.js'

/**
 * Zod, with schemas that are made when they are first used. There are several hundred, most of them for features that
 * an application does not use, and making them all takes a fifth of an import (docs: performance, "Cold start"). The
 * published package loads Zod with the first schema (scripts/bundle.mjs). A declared schema is a stand-in that
 * remembers how to make the real one, so that declarations look like Zod's own and cannot forget to wait.
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

/** By name, because inspecting Zod for them would load it. */
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
  // Copying a context takes Zod longer than the whole check, so a context is used only for invalid values.
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

/** An argument for Zod: stand-ins are replaced by their schemas, at any depth. */
function now(given: unknown): unknown {
  if (typeof given !== 'object' || given === null) return given
  const schema = made.get(given)
  if (schema !== undefined) return schema()
  if (Array.isArray(given)) return given.map(now)
  if (Object.getPrototypeOf(given) !== Object.prototype) return given
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, now(value)]))
}
