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

// How many guards with policies a request has gone through, by its own field lines: each guard makes a request of its own
// of what it is given.
const passed = new WeakMap<HttpRequest['rawHeaders'], number>()
// What the policies of one run have been found to have; the same policy may be asked by several guards.
const met = new WeakMap<Carried, Map<Policy, Set<string>>>()

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
    const guard = passed.get(request.rawHeaders) ?? 0
    passed.set(request.rawHeaders, guard + 1)
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
  const known = met.get(carried) ?? new Map<Policy, Set<string>>()
  const kinds = known.get(policy) ?? new Set<string>()
  const given = carried.approvals.some((one) => isSubject(one.subject, subject) && isBy(one, by))
  // A rule of the server's is asked by every guard of the request: one approval is enough for it.
  if (!given) return ask.subject === undefined && by === undefined && kinds.has(ask.verdict)
  met.set(carried, known.set(policy, kinds.add(ask.verdict)))
  return true
}

/**
 * Two policies that one function has made look the same, and stand in the same place where the application ran another
 * guard first. So a guard that was there when the call was put aside, and did not ask, takes nothing that was given to the
 * one that did. Where guards are made for each request, or another process carries the call out, the place has to do.
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

// The place in the request tells policies apart; what they are made of sees to it that another version of the
// application, or one that ran another guard first, takes no approval for another.
function fingerprint(policy: Policy): string {
  return hash('sha256', `${policy.name}\n${String(policy)}`, 'base64url').slice(0, 12)
}
