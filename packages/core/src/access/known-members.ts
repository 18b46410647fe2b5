// Members that a requirement has and that nobody would read: TypeScript sees by itself only those of literals whose type it
// is told, and a requirement's type is taken from how it is written. Types only: what is checked is in
// `checked-requirement.ts`.
import type { Enforcement } from '../adoption/dial.js'
import type { FullRequirement, SessionTerms, TenantRule } from './requirement.js'

/** In an error of the compiler: a requirement of this kind has no member of this name. No value is of this type. */
export interface NoSuchMember<Name> {
  readonly name: Name
  readonly value: never
}

/** The names that a requirement may have, by the kinds that it could be of. */
type MembersOf<R, Raw, Hook> = R extends unknown ? MembersIn<FullRequirement<Raw, Hook>, R> : never

type MembersIn<Kind, R> = Kind extends unknown ? (R extends Kind ? keyof Kind : never) : never

/** The names that a requirement has and may not have. */
export type StrayIn<R, Raw = unknown, Hook = never> = R extends string
  ? never
  : Exclude<keyof R, MembersOf<R, Raw, Hook>>

/** Members that have members of their own, as far as they are objects. */
type Terms = {
  readonly session: SessionTerms
  readonly tenant: Extract<TenantRule, { readonly ps: string }>
  readonly enforce: Enforcement
}

/** As {@link StrayIn}, in the members that have members of their own. */
type KnownTerms<R> = {
  readonly [Name in keyof R & keyof Terms]: R[Name] extends object
    ? { readonly [Stray in Exclude<keyof R[Name], keyof Terms[Name]>]: NoSuchMember<Stray> }
    : R[Name]
}

/** What a requirement has to be beside itself: nothing, or where it has a member that nobody reads, impossible. */
export type OnlyKnown<R, Raw = unknown, Hook = never> = R extends string
  ? unknown
  : { readonly [Name in StrayIn<R, Raw, Hook>]: NoSuchMember<Name> } & KnownTerms<R>
