import type { Awaitable } from '../awaitable.js'
import type { Caller, TokenCaller } from '../caller.js'
import { reportOn } from '../events.js'
import { declaredCapabilities } from '../http/capabilities.js'
import { carriedFor, type HttpRequest, hasBody } from '../http/message.js'
import { afterWait } from './after-wait.js'
import type { CarriedChain, ChainState } from './chain.js'
import { type ChainingContext, callOff } from './context.js'
import { presentedToken } from './presented.js'
import { ChainRun } from './run.js'
import { SupplierFault, type Wait } from './suppliers.js'

/**
 * Call chaining (AAuth 10.1): calls to suppliers in the name of a request's caller, and what is stored of them while
 * they wait.
 */
export interface Chaining {
  /** Identifies the server in errors. */
  readonly server: object
  /**
   * Keeps a request's token for its handler's calls to suppliers. Only for requests that are served: a token that was
   * answered with a challenge is no upstream token (R-309, N-180). The content is read too, because the call may have
   * to be held.
   */
  keep(request: HttpRequest, caller: Caller | undefined): Awaitable<void>
  /** The run of a request's handler; `undefined` where {@link keep} was not called. */
  runOf(request: HttpRequest): ChainRun | undefined
  /** The stored form of a call that is held before its handler has run; `undefined` if its handler calls no suppliers. */
  sealBefore(request: HttpRequest): Promise<string | undefined>
  /** The stored form of a call that waits for a supplier's side; `undefined` when it cannot wait. */
  sealWaiting(run: ChainRun, wait: Wait): Promise<string | undefined>
  /**
   * What a held call has when it is carried out. The token of the poll replaces the one that the call came with, if
   * both are this caller's. `undefined` if it was encrypted with a secret that is unknown here.
   */
  carry(sealed: string | undefined, poll: HttpRequest, caller: TokenCaller): Promise<CarriedChain | undefined>
  /** Polls on the supplier's side. @returns what is stored once it is done, encrypted */
  advance(sealed: string, caller: TokenCaller): Promise<Advance>
  /** Cancels what waits on the supplier's side. Never rejects. */
  cancel(sealed: string): Promise<void>
}

/** The result of a poll on the supplier's side. */
export type Advance =
  | {
      readonly state: 'waiting'
      readonly wait: Wait
      /** Present if the person has to go somewhere else than before: what to store then. */
      readonly sealed?: string
    }
  | { readonly state: 'done'; readonly sealed: string }
  | SupplierFault

const nothing: CarriedChain = { tokens: [], answers: [] }

/** Creates it. */
export function createChaining(context: ChainingContext): Chaining {
  const { seal, suppliers, signature } = context
  const runs = new WeakMap<object, ChainRun>()

  const open = async (sealed: string): Promise<ChainState | undefined> =>
    (await seal.open(sealed)) as ChainState | undefined

  const keepRun = (request: HttpRequest, caller: TokenCaller | undefined): void => {
    const carried = carriedFor(request, context.server)
    const chain =
      carried === undefined
        ? { ...nothing, upstream: upstreamOf(request, caller) }
        : ((carried.chain as CarriedChain | undefined) ?? nothing)
    // An earlier guard on this request: its calls since belong to the same run.
    const before = runs.get(identityOf(request))?.caller
    if (before !== undefined && caller !== undefined && isSameToken(before, caller)) return
    runs.set(
      identityOf(request),
      new ChainRun(caller, chain, capabilitiesFor(request), {
        ...context,
        report: reportOn(context.report, request),
      }),
    )
  }

  /** An agent token says nothing about a person, so it is no upstream token. */
  const upstreamOf = (request: HttpRequest, caller: TokenCaller | undefined): string | undefined =>
    caller === undefined || caller.kind === 'agent' ? undefined : presentedToken(request, caller, signature)

  const capabilitiesFor = ({ rawHeaders }: HttpRequest): readonly string[] => {
    const declared = declaredCapabilities(rawHeaders)
    const able = declared === undefined ? !context.requireDeclaredCapability : declared.has('interaction')
    return able ? ['interaction'] : []
  }

  return {
    server: context.server,
    keep(request, caller) {
      keepRun(request, caller?.kind === 'session' ? caller.by : caller)
      // Before a body parser reads it.
      return hasBody(request) ? request.body?.(context.callBytes).then(() => undefined) : undefined
    },
    runOf: (request) => runs.get(identityOf(request)),
    async sealBefore(request) {
      const run = runs.get(identityOf(request))
      return run === undefined ? undefined : seal.close(run.state)
    },
    async sealWaiting(run, wait) {
      const state = await run.close(wait)
      return state === undefined ? undefined : seal.close(state)
    },
    async carry(sealed, poll, caller) {
      const state = sealed === undefined ? nothing : await open(sealed)
      if (state === undefined) return undefined
      const { tokens, answers, waiting } = state
      return { tokens, answers, waiting, upstream: upstreamOf(poll, caller) ?? state.upstream }
    },
    async advance(sealed, caller) {
      const state = await open(sealed)
      if (state?.wait === undefined || caller.kind === 'agent')
        // Another process may have the secret.
        return new SupplierFault('supplier_unavailable', 'what was stored of the call cannot be read here')
      const signal = AbortSignal.timeout(context.timeout * 1000)
      const authority = { ps: caller.person.ps, exp: caller.token.exp, capabilities: [], signal }
      const progress = await suppliers.poll(state.wait, authority)
      if (progress instanceof SupplierFault) return progress
      if (progress.state === 'waiting') {
        const { wait } = progress
        return isElsewhere(wait, state.wait)
          ? { state: 'waiting', wait, sealed: await seal.close({ ...state, wait }) }
          : { state: 'waiting', wait }
      }
      const done = await afterWait(state, state.wait, progress, caller, context)
      return done instanceof SupplierFault ? done : { state: 'done', sealed: await seal.close(done) }
    },
    async cancel(sealed) {
      const state = await open(sealed).catch(() => undefined)
      if (state?.wait !== undefined) await callOff(state.wait, context)
    },
  }
}

const identityOf = ({ identity, rawHeaders }: HttpRequest): object => identity ?? rawHeaders

function isSameToken({ kind, token }: TokenCaller, other: TokenCaller): boolean {
  const { iss, jti, exp } = other.token
  return kind === other.kind && token.iss === iss && token.jti === jti && token.exp === exp
}

/** Whether the person has to go to another page than before. */
function isElsewhere({ interaction }: Wait, before: Wait): boolean {
  return interaction !== undefined && interaction.code !== before.interaction?.code
}
