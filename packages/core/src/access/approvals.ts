import { hash, randomUUID } from 'node:crypto'
import type { Caller } from '../caller.js'
import {
  type ApprovalSubject,
  type Carried,
  carriedFor,
  type GivenApproval,
  type HttpRequest,
} from '../http/message.js'
import { type AskInteraction, isUserList } from '../interaction/ask.js'
import type { AskApproval, Policy, PolicyVerdict } from './policy.js'

/** A verdict that puts the call aside. */
export type Ask = AskApproval | AskInteraction

/** What a policy wants approved, the name (`subject`) under which the approval is recorded, and who may approve it. */
export interface Wanted {
  readonly ask: Ask
  readonly subject: ApprovalSubject
  /** Users who may approve it. Default: anyone who can sign in. */
  readonly by: readonly string[] | undefined
}

/** The approvals that one request carries, as the guards on its way see them. */
export interface Approvals {
  /** The users who have approved the call, in order. */
  readonly by: readonly string[]
  /** What the policy at this place of the guard wants; `undefined` when it wants nothing or its approval was given. */
  missing(verdict: PolicyVerdict | undefined, place: number, caller: Caller): Wanted | undefined
}

/** Reads a request's approvals for one guard. */
export type ReadApprovals = (request: HttpRequest) => Approvals

// How many guards with policies a request has passed. Each guard makes its own object for the request, so the request
// is identified by its field lines, which all guards share.
const guardsPassed = new WeakMap<HttpRequest['rawHeaders'], number>()
// Which verdicts of a policy have found their approval while a held call is carried out. A policy of the server runs
// in every guard that the call passes.
const verdictsGiven = new WeakMap<Carried, Map<Policy, Set<string>>>()

// The guards of a server, in this process.
const guardsOf = new WeakMap<object, { readonly id: string; count: number }>()

const nobody: readonly string[] = Object.freeze([])

/** @param server identifies the server in the held calls that it carries out */
export function createApprovals(policies: readonly Policy[], server: object): ReadApprovals {
  const prints = policies.map(fingerprint)
  const guards = guardsOf.get(server) ?? { id: randomUUID(), count: 0 }
  guardsOf.set(server, guards)
  const number = guards.count++
  return (request) => {
    const carried = carriedFor(request, server)
    const guard = guardsPassed.get(request.rawHeaders) ?? 0
    guardsPassed.set(request.rawHeaders, guard + 1)
    return {
      by: carried === undefined ? nobody : approversOf(carried),
      missing(verdict, place, caller) {
        if (verdict?.verdict !== 'approval' && verdict?.verdict !== 'interact') return undefined
        const subject: ApprovalSubject =
          verdict.subject === undefined
            ? {
                name: `${verdict.verdict} of policy ${place} of guard ${guard} (${prints[place]})`,
                asker: { server: guards.id, guard: number, of: guards.count },
              }
            : { name: `named ${verdict.subject}` }
        const wanted = { ask: verdict, subject, by: mayApprove(verdict, caller) }
        return isGiven(wanted, policies[place] as Policy, carried) ? undefined : wanted
      },
    }
  }
}

/** The users who have approved a held call. */
export function approversOf({ approvals }: Carried): readonly string[] {
  const users = approvals.flatMap(({ user }) => (user === undefined ? [] : [user]))
  return users.length === 0 ? nobody : Object.freeze([...new Set(users)])
}

function isGiven({ subject, by, ask }: Wanted, policy: Policy, carried: Carried | undefined): boolean {
  if (carried === undefined) return false
  const ofPolicies = verdictsGiven.get(carried) ?? new Map<Policy, Set<string>>()
  const verdicts = ofPolicies.get(policy) ?? new Set<string>()
  const given = carried.approvals.some((one) => isSubject(one.subject, subject) && isBy(one, by))
  // One approval is enough for a policy, whichever guard asked for it.
  if (!given) return ask.subject === undefined && by === undefined && verdicts.has(ask.verdict)
  verdictsGiven.set(carried, ofPolicies.set(policy, verdicts.add(ask.verdict)))
  return true
}

/**
 * Whether a given approval is for this question. Two policies made by the same function have the same name, and the
 * same place when the application runs its guards in another order. So a guard does not accept an approval that
 * another guard asked for, if both guards existed when the call was held. For guards that are made for each request,
 * or that are in another process, this cannot be known, and the name decides.
 */
function isSubject(given: ApprovalSubject, wanted: ApprovalSubject): boolean {
  if (given.name !== wanted.name) return false
  const { asker } = given
  if (asker === undefined || wanted.asker === undefined || asker.server !== wanted.asker.server) return true
  return wanted.asker.guard === asker.guard || wanted.asker.guard >= asker.of
}

function isBy({ user }: GivenApproval, by: readonly string[] | undefined): boolean {
  return by === undefined || (user !== undefined && by.includes(user))
}

/** The users whom the policy names; for a session, the user whose session it is. */
function mayApprove(ask: Ask, caller: Caller): readonly string[] | undefined {
  if (ask.verdict === 'approval') return undefined
  // The object may come from the application itself rather than from `interact`, and a misspelt name must match
  // nobody.
  if ('by' in ask && !isUserList(ask.by)) throw new TypeError('interact: by must name one user or several')
  if (ask.by !== undefined) return [ask.by].flat()
  return caller.kind === 'session' ? [caller.user] : undefined
}

// A policy's name includes a hash of its code, beside its place. In another version of the application, or behind
// another guard, a different policy may stand in that place and must not use this approval.
function fingerprint(policy: Policy): string {
  return hash('sha256', `${policy.name}\n${String(policy)}`, 'base64url').slice(0, 12)
}
