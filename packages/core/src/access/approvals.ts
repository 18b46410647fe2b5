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

/** What a policy wants approved, under the name by which the approval is found again, and who may give it. */
export interface Wanted {
  readonly ask: Ask
  readonly subject: ApprovalSubject
  /** Default: whoever can sign in. */
  readonly by: readonly string[] | undefined
}

/** The approvals of one request, in the guards that it goes through. */
export interface Approvals {
  /** The applications' own names of whoever has approved the call, in order. */
  readonly by: readonly string[]
  /** What the policy at this place of the guard wants; `undefined` when it wants nothing, or has been given it. */
  missing(verdict: PolicyVerdict | undefined, place: number, caller: Caller): Wanted | undefined
}

/** Reads a request's approvals for one guard. */
export type ReadApprovals = (request: HttpRequest) => Approvals

// How many guards with policies a request has gone through. Each guard makes an object of its own of the request, so it is
// told by its field lines, which all of them share.
const guardsPassed = new WeakMap<HttpRequest['rawHeaders'], number>()
// Which verdicts of a policy have found their approval while a call is carried out. A policy of the server's is asked by
// every guard that the call goes through.
const verdictsGiven = new WeakMap<Carried, Map<Policy, Set<string>>>()

// The guards of a server, in this process.
const guardsOf = new WeakMap<object, { readonly id: string; count: number }>()

const nobody: readonly string[] = Object.freeze([])

/** @param server what held calls of this server are carried with */
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

/** The users among those who have approved a call. */
export function approversOf({ approvals }: Carried): readonly string[] {
  const users = approvals.flatMap(({ user }) => (user === undefined ? [] : [user]))
  return users.length === 0 ? nobody : Object.freeze([...new Set(users)])
}

function isGiven({ subject, by, ask }: Wanted, policy: Policy, carried: Carried | undefined): boolean {
  if (carried === undefined) return false
  const ofPolicies = verdictsGiven.get(carried) ?? new Map<Policy, Set<string>>()
  const verdicts = ofPolicies.get(policy) ?? new Set<string>()
  const given = carried.approvals.some((one) => isSubject(one.subject, subject) && isBy(one, by))
  // One approval is enough for a policy, whichever of the guards has asked it.
  if (!given) return ask.subject === undefined && by === undefined && verdicts.has(ask.verdict)
  verdictsGiven.set(carried, ofPolicies.set(policy, verdicts.add(ask.verdict)))
  return true
}

/**
 * Whether an approval was given for this. The names of two policies are the same where one function has made both, and where
 * the application runs its guards in another order they stand in the same place. So a guard takes no approval that another one
 * asked for, where both were there when the call was put aside. Of guards that are made for each request, or that are in
 * another process, this is not known, and the name decides.
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

/** Whoever the policy names; for a session it is the person whose session it is. */
function mayApprove(ask: Ask, caller: Caller): readonly string[] | undefined {
  if (ask.verdict === 'approval') return undefined
  // It may be an object that `interact` has not made, and whoever is misspelt is nobody.
  if ('by' in ask && !isUserList(ask.by)) throw new TypeError('interact: by must name one user or several')
  if (ask.by !== undefined) return [ask.by].flat()
  return caller.kind === 'session' ? [caller.user] : undefined
}

// Part of a policy's name, beside its place: in another version of the application, or behind another guard, another policy
// may stand in that place, and must not take the approval of this one.
function fingerprint(policy: Policy): string {
  return hash('sha256', `${policy.name}\n${String(policy)}`, 'base64url').slice(0, 12)
}
