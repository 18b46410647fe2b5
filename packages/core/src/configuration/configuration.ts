import type { core } from 'zod/mini'
import { didYouMean } from './nearest.js'
import type { z } from './schema.js'

/** How a fault in what somebody configured is told. */
export interface ConfigurationNames {
  /** What comes before the name of the member at fault: `option `, `require: `. */
  readonly prefix: string
  /** Members that are looked at by their schema only: what is inside them is not for us to judge. */
  readonly opaque?: ReadonlySet<string>
}

/**
 * The one checker of what a user configures: options, requirements, a router's defaults. A member that is present with
 * the value `undefined` is at fault like any other value that is none: it comes of a misspelt name, and the rule that it
 * should have been would silently be gone.
 *
 * @throws TypeError naming the member at fault and what it has to be
 */
export function checkConfiguration<T>(
  schema: z.ZodType<T>,
  given: unknown,
  { prefix, opaque = none }: ConfigurationNames,
): T {
  return parse(schema, tellUndefined(isObject(given) ? members(given) : given, opaque), prefix)
}

/**
 * Checks what an operator's function is called with, as {@link checkConfiguration} does options. A member that is
 * `undefined` is absent: it is often what a form did not have.
 *
 * @param prefix the function: `denials.add: `
 * @throws TypeError naming the member at fault and what it has to be
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

/** What is wrong; with a name that may not be, what is wrong with it; and that a value is none, of whatever it should be. */
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

/** The members that a schema knows at a place in what it checks. */
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

/** What there is of a schema to look into, of whichever kind it is. */
interface SchemaDef {
  readonly shape?: Readonly<Record<string, core.$ZodType>>
  readonly innerType?: core.$ZodType
  readonly in?: core.$ZodType
  readonly element?: core.$ZodType
  readonly valueType?: core.$ZodType
  readonly options?: readonly core.$ZodType[]
}

const none: ReadonlySet<string> = new Set()

/** Stands for `undefined`, which schemas take for absent. */
const misspelt = Symbol('undefined')

function tellUndefined(given: unknown, opaque: ReadonlySet<string>): unknown {
  if (Array.isArray(given))
    // What a list has left out is undefined to whoever looks for it.
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

/** Whatever the object was made by: what it inherits is said as well, and what its class has accessors or methods for. */
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

/** What every object inherits, in whatever realm it was made. */
const isRoot = (value: object): boolean =>
  prototypeOf(value) === null && Object.hasOwn(value, 'hasOwnProperty')

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isObject(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
