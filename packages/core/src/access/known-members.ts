// Finds members of a requirement that do not exist. TypeScript reports them only in literals whose type is given, and
// the type of a requirement is inferred from how it is written. Types only; the checks at run time are in
// `checked-requirement.ts`.
import type { Enforcement } from '../adoption/dial.js'
import type { FullRequirement, SessionTerms, TenantRule } from './requirement.js'

/** Appears in compiler errors: a requirement of this kind has no member of this name. No value has this type. */
export interface NoSuchMember<Name> {
  readonly name: Name
  readonly value: never
}

/** The member names that a requirement may have, by the kinds that it could be. */
type MembersOf<R, Raw, Hook> = R extends unknown ? MembersIn<FullRequirement<Raw, Hook>, R> : never

type MembersIn<Kind, R> = Kind extends unknown ? (R extends Kind ? keyof Kind : never) : never

/** The member names that a requirement has but may not have. */
export type StrayIn<R, Raw = unknown, Hook = never> = R extends string
  ? never
  : Exclude<keyof R, MembersOf<R, Raw, Hook>>

/** Members that have members of their own, when they are objects. */
type Terms = {
  readonly session: SessionTerms
  readonly tenant: Extract<TenantRule, { readonly ps: string }>
  readonly enforce: Enforcement
}

/** As {@link StrayIn}, for the members of members. */
type KnownTerms<R> = {
  readonly [Name in keyof R & keyof Terms]: R[Name] extends object
    ? { readonly [Stray in Exclude<keyof R[Name], keyof Terms[Name]>]: NoSuchMember<Stray> }
    : R[Name]
}

/** A type to intersect a requirement with: anything, or impossible when it has an unknown member. */
export type OnlyKnown<R, Raw = unknown, Hook = never> = R extends string
  ? unknown
  : { readonly [Name in StrayIn<R, Raw, Hook>]: NoSuchMember<Name> } & KnownTerms<R>
