import type { core } from 'zod/mini'
import { didYouMean } from './nearest.js'
import type { z } from './schema.js'

/** How an error in the configuration is worded. */
export interface ConfigurationNames {
  /** What comes before the name of the invalid member: `option `, `require: `. */
  readonly prefix: string
  /** Members that only their own schema checks; their members are not inspected. */
  readonly opaque?: ReadonlySet<string>
}

/**
 * Checks everything that a user configures: options, requirements, a router's defaults. A member with the value
 * `undefined` is invalid: it usually comes from a misspelt name, and the intended rule would silently be missing.
 *
 * @throws TypeError naming the invalid member and what it has to be
 */
export function checkConfiguration<T>(
  schema: z.ZodType<T>,
  given: unknown,
  { prefix, opaque = none }: ConfigurationNames,
): T {
  return parse(schema, tellUndefined(isObject(given) ? members(given) : given, opaque), prefix)
}

/**
 * Checks the argument of an operator's call, as {@link checkConfiguration} checks options. A member that is
 * `undefined` counts as absent: it is often an empty form field.
 *
 * @param prefix the function: `denials.add: `
 * @throws TypeError naming the invalid member and what it has to be
 */
export function checkArgument<T>(schema: z.ZodType<T>, given: unknown, prefix: string): T {
  return parse(schema, given, prefix)
}

function parse<T>(schema: z.ZodType<T>, given: unknown, prefix: string): T {
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0] as core.$ZodIssue
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
  const name = [...issue.path, ...unknown].join('.')
  const fault =
    unknown[0] !== undefined
      ? `is not known${didYouMean(unknown[0], membersOf(schema, issue.path))}`
      : messageOf(issue, given)
  throw new TypeError(name === '' ? `${prefix.trimEnd()} ${fault}` : `${prefix}${name}: ${fault}`)
}

/** What is wrong: with a value, with a name that is not allowed, or that a value is `undefined`. */
function messageOf(issue: core.$ZodIssue, given: unknown): string {
  const message = (issue.code === 'invalid_key' ? issue.issues[0]?.message : undefined) ?? issue.message
  if (valueAt(given, issue.path) !== misspelt) return message
  return `${message.replace(/, received symbol$/, '')}, it is undefined`
}

function valueAt(given: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = given
  for (const name of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Readonly<Record<PropertyKey, unknown>>)[name]
  }
  return value
}

/** The members that a schema has at some path. */
export function membersOf(schema: core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  const { def } = schema._zod as { readonly def: SchemaDef }
  const values = def.element ?? def.valueType
  const inner = def.innerType ?? def.in ?? values
  if (def.shape === undefined) {
    const rest = values === undefined ? path : path.slice(1)
    const schemas = inner === undefined ? (def.options ?? []) : [inner]
    return schemas.flatMap((each) => membersOf(each, rest))
  }
  const [name, ...rest] = path
  if (name === undefined) return Object.keys(def.shape)
  const member = Object.hasOwn(def.shape, name) ? def.shape[String(name)] : undefined
  return member === undefined ? [] : membersOf(member, rest)
}

/** The parts of a schema that are inspected, for any kind of schema. */
interface SchemaDef {
  readonly shape?: Readonly<Record<string, core.$ZodType>>
  readonly innerType?: core.$ZodType
  readonly in?: core.$ZodType
  readonly element?: core.$ZodType
  readonly valueType?: core.$ZodType
  readonly options?: readonly core.$ZodType[]
}

const none: ReadonlySet<string> = new Set()

/** Stands for `undefined`, which schemas treat as absent. */
const misspelt = Symbol('undefined')

function tellUndefined(given: unknown, opaque: ReadonlySet<string>): unknown {
  if (Array.isArray(given))
    // A gap in a list reads as `undefined`.
    return Array.from(given, (member: unknown) =>
      member === undefined ? misspelt : tellUndefined(member, opaque),
    )
  if (!isPlain(given)) return given
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      if (value === undefined) return [name, misspelt]
      return [name, opaque.has(name) ? value : tellUndefined(value, opaque)]
    }),
  )
}

/** All members of an object, including inherited ones, accessors and methods of its class. */
function members(given: object): Readonly<Record<string, unknown>> {
  const all: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  const take = (name: string): void => {
    all[name] = (given as Record<string, unknown>)[name]
  }
  for (const name in given) take(name)
  for (let from: object | null = given; from !== null && !isRoot(from); from = prototypeOf(from))
    for (const name of Object.getOwnPropertyNames(from)) if (name !== 'constructor') take(name)
  return all
}

const prototypeOf = (value: object): object | null => Object.getPrototypeOf(value) as object | null

/** The root prototype of any realm. */
const isRoot = (value: object): boolean =>
  prototypeOf(value) === null && Object.hasOwn(value, 'hasOwnProperty')

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isObject(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
