import type { Agent, Caller, Grant, Person } from '../caller.js'
import { type ReplayMode, replayMode } from '../replay/replay-mode.js'
import { isRequirableComponent } from '../signature/required.js'
import type { Policy } from './policy.js'

/** What any route may ask of signatures beside its token. */
export interface SignatureRequirement {
  /**
   * Components that signatures on this route cover beside those of the whole server, for example
   * `['content-type', 'content-digest']` or `['@query']`. Those about content are asked for only where there is content.
   * An agent that does not cover them is told so (`invalid_input` with `required_input`); the metadata names only the
   * option `additionalSignatureComponents`, which is for the whole server (AAuth 11.3.3.1).
   */
  readonly components?: readonly string[]
  /** Whether a signature serves only once on this route: `true` on methods that change something, `'all'` on every. */
  readonly replay?: boolean | 'all'
}

/** A route that is content to know who is calling. */
export interface AgentRequirement extends SignatureRequirement {
  readonly identity: 'agent'
  readonly policy?: Policy<Agent>
}

/** A route that wants to know whom the agent acts for. A grant says so too (G-05). */
export interface PersonRequirement extends SignatureRequirement {
  readonly identity: 'person'
  readonly policy?: Policy<Person | Grant>
}

/** A route that needs a person's grant. */
export interface ScopeRequirement extends SignatureRequirement {
  /** Only the other requirements have it; its absence lets TypeScript give `policy` its own caller. */
  readonly identity?: never
  /** All of these; each must be among the options' `scopes`. */
  readonly scope: string | readonly string[]
  /**
   * How an auth token is asked for. `challenge` (default): `401`, and the agent makes its call again. `held`: `202`; the
   * call is put aside and carried out, once, when the agent polls with the token (AAuth 6.5.1). Every agent has to know
   * both, some in the field know only the first. A call whose content is too long to hold is challenged.
   */
  readonly deliver?: 'challenge' | 'held'
  readonly policy?: Policy<Grant>
}

/** The requirements that are short for an identity alone. */
export type ShortRequirement = 'agent' | 'person'

/** The requirements that are spelt out. */
export type FullRequirement = AgentRequirement | PersonRequirement | ScopeRequirement

/** What a route requires. */
export type Requirement = ShortRequirement | FullRequirement

/**
 * The caller that a requirement lets through. Not distributive: Fastify intersects a route's own requirement with the
 * whole union, and only what every member of that has in common is what the route said.
 */
export type CallerOf<R> = [R] extends [{ readonly scope: string | readonly string[] }]
  ? Grant
  : [R] extends ['agent' | { readonly identity: 'agent' }]
    ? Agent
    : [R] extends ['person' | { readonly identity: 'person' }]
      ? Person | Grant
      : Caller

/** A requirement that has been checked, in the one form the decision knows. */
export interface CheckedRequirement {
  readonly needs: 'agent' | 'person' | 'grant'
  readonly scope: readonly string[]
  readonly policy: Policy | undefined
  readonly components: readonly string[]
  readonly deliver: 'challenge' | 'held'
  /** `undefined`: as for the whole server. */
  readonly replay: ReplayMode | undefined
}

/**
 * Checks a requirement when a route is declared.
 *
 * @param scopes the scopes this resource describes; a resource token may name no other
 * @throws TypeError naming what is wrong
 */
export function checkRequirement(requirement: Requirement, scopes: ReadonlySet<string>): CheckedRequirement {
  if (requirement === 'agent' || requirement === 'person')
    return {
      needs: requirement,
      scope: [],
      policy: undefined,
      components: [],
      deliver: 'challenge',
      replay: undefined,
    }
  if (typeof requirement !== 'object' || requirement === null) throw shapeError()
  const { policy, components = [], replay, ...spelt } = requirement
  const { deliver = 'challenge', ...rest } = 'scope' in spelt ? spelt : { ...spelt, deliver: undefined }
  if (deliver !== 'challenge' && deliver !== 'held')
    throw new TypeError("require: deliver must be 'challenge' or 'held'")
  if (policy !== undefined && typeof policy !== 'function')
    throw new TypeError('require: policy must be a function')
  const names = Object.keys(rest)
  if (names.length !== 1) throw shapeError()
  // The policy sees exactly the callers that the requirement lets through, which is what its type says.
  const checked = {
    policy: policy as Policy | undefined,
    components: checkComponents(components),
    deliver,
    replay: checkReplay(replay),
  }
  if ('identity' in rest && (rest.identity === 'agent' || rest.identity === 'person')) {
    return { needs: rest.identity, scope: [], ...checked }
  }
  if (!('scope' in rest)) throw shapeError()
  return { needs: 'grant', scope: checkScope(rest.scope, scopes), ...checked }
}

function checkReplay(replay: unknown): ReplayMode | undefined {
  if (replay === undefined) return undefined
  if (replay !== true && replay !== false && replay !== 'all') {
    throw new TypeError("require: replay must be true, false or 'all'")
  }
  return replayMode(replay)
}

function checkComponents(components: unknown): readonly string[] {
  const names: readonly unknown[] = Array.isArray(components) ? components : [components]
  return names.map((name) => {
    if (typeof name === 'string' && isRequirableComponent(name)) return name
    throw new TypeError(
      `require: ${JSON.stringify(name)} is no component that signatures can be asked to cover`,
    )
  })
}

function checkScope(scope: unknown, scopes: ReadonlySet<string>): readonly string[] {
  const names: readonly unknown[] = Array.isArray(scope) ? scope : [scope]
  if (names.length === 0) throw new TypeError('require: scope must name at least one scope')
  return names.map((name) => {
    if (typeof name !== 'string' || !scopes.has(name)) {
      throw new TypeError(`require: scope ${JSON.stringify(name)} is not described in the option scopes`)
    }
    return name
  })
}

function shapeError(): TypeError {
  return new TypeError(
    "require: expected 'agent', 'person', { identity } or { scope }, with an optional policy and components",
  )
}
