import { en } from 'zod/locales'
import * as mini from 'zod/mini'
import * as core from 'zod/v4/core'
import type { Makers, StepName } from './schema-types.js'

// Zod's light entry, of which a bundler keeps only what is named here. It has functions instead of methods, and no
// error messages.

type Maker = (...args: never[]) => core.SomeType

// Checking the claims of tokens with objects of this kind takes less than half the time of the light entry's.
const compile: (made: core.$ZodObject, def: core.$ZodObjectDef) => void = core.$ZodObjectJIT.init
const complete: (made: mini.ZodMiniObject, def: core.$ZodObjectDef) => void = mini.ZodMiniObject.init
const CompiledObject = core.$constructor<mini.ZodMiniObject>('CompiledObject', (made, def) => {
  compile(made, def)
  complete(made, def)
})

const looseObject: Maker = (shape: core.$ZodShape, params?: string | core.$ZodObjectParams) =>
  new CompiledObject(mini.looseObject(shape, params).def)

/** Makes schemas. */
export const makers: Readonly<Record<keyof Makers, Maker>> = {
  array: mini.array,
  boolean: mini.boolean,
  custom: mini.custom,
  date: mini.date,
  enum: mini.enum,
  int: mini.int,
  literal: mini.literal,
  looseObject,
  number: mini.number,
  object: mini.object,
  record: mini.record,
  strictObject: mini.strictObject,
  string: mini.string,
  tuple: mini.tuple,
  undefined: mini.undefined,
  union: mini.union,
  unknown: mini.unknown,
  url: mini.url,
}

type Checked = mini.ZodMiniType
type Params = string | core.$ZodCustomParams

/** Whether a number is bounded, and not the length of something. */
const isNumber = (schema: Checked): boolean => schema.def.type === 'number'

/** Makes a schema of another one. */
export const steps: Readonly<Record<StepName, Maker>> = {
  default: mini._default,
  endsWith: (schema: Checked, end: string, params?: Params) => schema.check(mini.endsWith(end, params)),
  int: (schema: Checked, params?: Params) => schema.check(mini.int(params)),
  max: (schema: Checked, most: number, params?: Params) =>
    schema.check(isNumber(schema) ? mini.lte(most, params) : mini.maxLength(most, params)),
  min: (schema: Checked, least: number, params?: Params) =>
    schema.check(isNumber(schema) ? mini.gte(least, params) : mini.minLength(least, params)),
  nonnegative: (schema: Checked, params?: Params) => schema.check(mini.nonnegative(params)),
  optional: mini.optional,
  or: (schema: Checked, other: Checked) => mini.union([schema, other]),
  positive: (schema: Checked, params?: Params) => schema.check(mini.positive(params)),
  prefault: mini.prefault,
  refine: (schema: Checked, is: (value: unknown) => unknown, params?: Params) =>
    schema.check(mini.refine(is, params)),
  regex: (schema: Checked, pattern: RegExp, params?: Params) => schema.check(mini.regex(pattern, params)),
  transform: (schema: Checked, change: (value: unknown) => unknown) =>
    mini.pipe(schema, mini.transform(change)),
}

/**
 * English messages for errors for which a schema has none. It is passed to each check, because Zod's configuration is
 * global and belongs to the application.
 */
export const inEnglish: core.$ZodErrorMap = en().localeError
