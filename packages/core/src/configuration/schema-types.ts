import type * as mini from 'zod/mini'
import type { core } from 'zod/mini'

/** A schema of Zod's light entry, with those methods of Zod's that we use to make other schemas of it. */
export type Schema<S extends core.SomeType> = S & Steps<S>

/** What makes a schema of another one of any kind. */
export interface Steps<out S extends core.SomeType> {
  default(value: core.util.NoUndefined<core.output<S>>): Schema<mini.ZodMiniDefault<S>>
  optional(): Schema<mini.ZodMiniOptional<S>>
  or<T extends core.SomeType>(other: T): Schema<mini.ZodMiniUnion<readonly [S, T]>>
  prefault(value: core.input<S>): Schema<mini.ZodMiniPrefault<S>>
  refine(is: (value: core.output<S>) => unknown, params?: string | core.$ZodCustomParams): this
  transform<T>(change: (value: core.output<S>) => T): Schema<mini.ZodMiniType<T, core.input<S>>>
}

/** What makes a stricter schema: by the value of a number, by the length of a text or a list. */
interface Bounded {
  max(most: number, params?: string): this
  min(least: number, params?: string): this
}

/** What makes a stricter schema of a text. */
export interface TextSteps extends Bounded {
  endsWith(end: string, params?: string): this
  regex(pattern: RegExp, params?: string): this
}

/** What makes a stricter schema of a number. */
export interface NumberSteps extends Bounded {
  int(params?: string): this
  nonnegative(): this
  positive(): this
}

/** What makes a schema. */
export interface Makers {
  array<T extends core.SomeType>(
    element: T,
    params?: string | core.$ZodArrayParams,
  ): Schema<mini.ZodMiniArray<T>> & Bounded
  boolean(params?: string | core.$ZodBooleanParams): Schema<mini.ZodMiniBoolean<boolean>>
  custom<T = unknown>(
    is: (value: unknown) => unknown,
    params?: string | core.$ZodCustomParams,
  ): Schema<mini.ZodMiniType<T>>
  date(params?: string | core.$ZodDateParams): Schema<mini.ZodMiniDate<Date>>
  enum<const T extends readonly string[]>(
    values: T,
    params?: string | core.$ZodEnumParams,
  ): Schema<mini.ZodMiniEnum<core.util.ToEnum<T[number]>>>
  int(params?: string | core.$ZodCheckNumberFormatParams): Schema<mini.ZodMiniNumber<number>> & NumberSteps
  literal<const T extends core.util.Literal>(
    value: T,
    params?: string | core.$ZodLiteralParams,
  ): Schema<mini.ZodMiniLiteral<T>>
  looseObject<T extends Shape>(
    shape: T,
    params?: string | core.$ZodObjectParams,
  ): Schema<mini.ZodMiniObject<T, core.$loose>>
  number(params?: string | core.$ZodNumberParams): Schema<mini.ZodMiniNumber<number>> & NumberSteps
  object<T extends Shape>(
    shape: T,
    params?: string | core.$ZodObjectParams,
  ): Schema<mini.ZodMiniObject<T, core.$strip>>
  record<K extends core.$ZodRecordKey, V extends core.SomeType>(
    names: K,
    values: V,
    params?: string | core.$ZodRecordParams,
  ): Schema<mini.ZodMiniRecord<K, V>>
  strictObject<T extends Shape>(
    shape: T,
    params?: string | core.$ZodObjectParams,
  ): Schema<mini.ZodMiniObject<T, core.$strict>>
  string(params?: string | core.$ZodStringParams): Schema<mini.ZodMiniString<string>> & TextSteps
  tuple<const T extends readonly [core.SomeType, ...core.SomeType[]]>(
    members: T,
    params?: string | core.$ZodTupleParams,
  ): Schema<mini.ZodMiniTuple<T, null>>
  undefined(params?: string | core.$ZodUndefinedParams): Schema<mini.ZodMiniUndefined>
  union<const T extends readonly core.SomeType[]>(
    options: T,
    params?: string | core.$ZodUnionParams,
  ): Schema<mini.ZodMiniUnion<T>>
  unknown(): Schema<mini.ZodMiniUnknown>
  url(params?: string | core.$ZodURLParams): Schema<mini.ZodMiniURL>
}

type Shape = core.$ZodShape

/** The names of all of them. */
export type StepName = keyof Steps<core.SomeType> | keyof TextSteps | keyof NumberSteps
