// Infers the caller that a handler gets from the requirement of its route as written. Types only; the decision at run
// time is in `decide.ts`.
import type { Agent, Caller, Connected, Grant, Person, TokenCaller } from '../caller.js'
import type { KnownClaims } from './claims.js'

/** Whether a requirement certainly sets this member: `true` for `scope` in `{ scope: 'read' }`. */
type Has<R, Name extends string> = [R] extends [{ readonly [K in Name]: NonNullable<unknown> }] ? true : false

/** A member of the caller that is certainly present because the requirement asks for it; otherwise nothing. */
type Stated<R, Name extends string> = Has<R, Name> extends true ? { readonly [K in Name]: string } : unknown

/**
 * The claims that a requirement asks for. The type is that of the rule's type predicate, else that of the known
 * claim, else `unknown`.
 */
type ClaimsIn<Rules> = {
  readonly [Name in keyof Rules]: Rules[Name] extends (value: unknown, grant: Grant) => value is infer Value
    ? Value
    : Name extends keyof KnownClaims
      ? KnownClaims[Name]
      : NonNullable<unknown>
}

/** As {@link Stated}, for claims. */
type StatedClaims<R> = [R] extends [{ readonly claims: infer Rules }]
  ? { readonly claims: ClaimsIn<Rules> }
  : unknown

/** The user of the application, if the requirement asks for one. */
type StatedUser<R, User> = Has<R, 'user'> extends true ? { readonly user: User } : unknown

/** What is certain about the person. */
type InTerms<R, User> = Stated<R, 'tenant'> & Stated<R, 'mission'> & StatedUser<R, User>

/**
 * The caller that a requirement lets through, with the members that the requirement makes certain.
 *
 * @typeParam User what the option `users.find` returns
 */
export type CallerOf<R, User = object | string> =
  Has<R, 'scope'> extends true
    ? GrantOf<R, User>
    : Has<R, 'claims'> extends true
      ? GrantOf<R, User>
      : Has<R, 'session'> extends true
        ? Connected
        : [R] extends [{ readonly identity: 'any' }]
          ? TokenCaller
          : [R] extends ['agent' | { readonly identity: 'agent' }]
            ? Agent
            : [R] extends ['person' | { readonly identity: 'person' }]
              ? (Person | Grant) & InTerms<R, User>
              : Caller

/** A grant, with what the requirement makes certain. */
type GrantOf<R, User> = Grant & InTerms<R, User> & Stated<R, 'account'> & StatedClaims<R>

/** The type of this member in a requirement; `undefined` if it has none. */
type Said<R, Name extends string> = R extends { readonly [K in Name]?: infer Value } ? Value : undefined

/**
 * Whether a handler may get no caller: the route is optional, has another way in, or is report-only.
 *
 * @typeParam Observe the option `observe` of the server or router
 */
export type MayBeNobody<R, Observe = false> = [R] extends [string]
  ? [Extract<Observe, true>] extends [never]
    ? false
    : true
  : [
        | Extract<Said<R, 'optional'>, true>
        | (undefined extends Said<R, 'or'> ? never : true)
        | Extract<Said<R, 'observe'>, true>
        | (undefined extends Said<R, 'observe'> ? Extract<Observe, true> : never),
      ] extends [never]
    ? false
    : true

/**
 * What a handler gets: the caller that the requirement lets through, or `Nobody` where there may be none.
 *
 * @typeParam Observe the option `observe` of the server or router
 * @typeParam User what the option `users.find` returns
 */
export type RouteCaller<R, Observe = false, Nobody = undefined, User = object | string> =
  | CallerOf<R, User>
  | (MayBeNobody<R, Observe> extends true ? Nobody : never)
