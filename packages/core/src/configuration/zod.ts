import * as zod from 'zod'

/** What of Zod is used. */
export type Makers = Pick<
  typeof zod,
  | 'array'
  | 'boolean'
  | 'custom'
  | 'date'
  | 'enum'
  | 'int'
  | 'literal'
  | 'looseObject'
  | 'number'
  | 'object'
  | 'record'
  | 'strictObject'
  | 'string'
  | 'tuple'
  | 'undefined'
  | 'union'
  | 'unknown'
  | 'url'
>

/** Each by its name, so that a bundler leaves out the rest. */
export const makers: Makers = {
  array: zod.array,
  boolean: zod.boolean,
  custom: zod.custom,
  date: zod.date,
  enum: zod.enum,
  int: zod.int,
  literal: zod.literal,
  looseObject: zod.looseObject,
  number: zod.number,
  object: zod.object,
  record: zod.record,
  strictObject: zod.strictObject,
  string: zod.string,
  tuple: zod.tuple,
  undefined: zod.undefined,
  union: zod.union,
  unknown: zod.unknown,
  url: zod.url,
}
