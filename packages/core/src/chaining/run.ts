import type { TokenCaller } from '../caller.js'
import { Refusal, refuse } from '../errors.js'
import type { OnwardEvent } from '../events.js'
import { isServerIdentifier } from '../identifiers.js'
import { after } from '../time/clock.js'
import { printOf, SupplierAnswers } from './answers.js'
import type { CarriedChain, ChainState } from './chain.js'
import { type ChainingContext, callOff } from './context.js'
import { failedOnward, noAuthority, OnwardError, refusedOnward } from './onward-error.js'
import { RunTokens } from './run-tokens.js'
import { type Authority, SupplierFault, type Wait } from './suppliers.js'

/**
 * Calls a supplier in the name of the caller whose request a handler serves. Like `fetch`, but it rejects with
 * {@link OnwardError}. Resolves with whatever the supplier answers, including refusals. Redirects are not followed.
 */
export type Onward = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/** The caller of the calling request, for events. */
type Cause = Pick<OnwardEvent, 'iss' | 'jti' | 'person'>

/** The calls to suppliers of one run of a handler, and in whose name they are made. */
export class ChainRun {
  /** The caller; `undefined` when an optional route serves nobody. */
  readonly caller: TokenCaller | undefined
  readonly #context: ChainingContext
  readonly #upstream: string | undefined
  readonly #capabilities: readonly string[]
  readonly #tokens: RunTokens
  readonly #answers: SupplierAnswers
  readonly #underWay = new Set<Promise<unknown>>()
  /** By supplier: the call that obtains its tokens, and what it has to wait for. */
  readonly #first = new Map<string, Promise<SupplierFault | undefined>>()
  /** Calls that have begun and not yet looked for an earlier answer. */
  readonly #looking = new Set<Promise<unknown>>()
  /** What calls of this run have to wait for, and which call it is. */
  readonly #waits = new Map<Wait, string>()
  #isClosed = false

  constructor(
    caller: TokenCaller | undefined,
    chain: CarriedChain,
    capabilities: readonly string[],
    context: ChainingContext,
  ) {
    this.caller = caller
    this.#upstream = chain.upstream
    this.#capabilities = capabilities
    this.#tokens = new RunTokens(chain, context)
    this.#answers = new SupplierAnswers(chain.answers, context.answerBytes, chain.waiting)
    this.#context = context
  }

  /** {@link Onward} for this run. */
  readonly fetch: Onward = (input, init) => {
    const work = this.#fetch(input, init)
    this.#underWay.add(work)
    const end = (): void => void this.#underWay.delete(work)
    work.then(end, end)
    return work
  }

  /** Whether a call of this run has to wait for it. If not, another request has shared it. */
  awaits(wait: Wait): boolean {
    return this.#waits.has(wait)
  }

  /**
   * What to store so that the handler can run again after a wait. No more calls are made after this. `undefined` when
   * suppliers' answers are too long to be kept.
   */
  async close(wait: Wait): Promise<ChainState | undefined> {
    this.#isClosed = true
    // Calls that are running may change something, and must be known when the handler runs again.
    await Promise.allSettled(this.#underWay)
    // Other waiting calls are repeated later. Their waits are cancelled, so that nobody is asked for something that
    // is not collected.
    for (const other of this.#waits.keys()) if (other.url !== wait.url) void callOff(other, this.#context)
    const answers = this.#answers.all
    if (answers === undefined || this.#upstream === undefined) return undefined
    const print = wait.brings === 'answer' ? this.#waits.get(wait) : undefined
    return {
      upstream: this.#upstream,
      tokens: this.#tokens.all,
      answers,
      waiting: [...this.#waits.values()],
      wait,
      ...(print === undefined ? {} : { print }),
    }
  }

  /** What to store of a call that is held for another reason, before its handler has run. */
  get state(): ChainState {
    return {
      ...(this.#upstream === undefined ? {} : { upstream: this.#upstream }),
      tokens: this.#tokens.all,
      answers: this.#answers.all ?? [],
    }
  }

  async #fetch(input: string | URL | Request, init: RequestInit | undefined): Promise<Response> {
    const given = new Request(input, init)
    const supplier = this.#supplierOf(given)
    const { content, print, before } = await this.#look(given)
    if (before instanceof SupplierFault) throw failedOnward(this.#context.server, supplier, before)
    if (before !== undefined) return before
    // Calls that are made at the same time come in any order.
    if (this.#answers.strays(print, given.method)) await Promise.allSettled(this.#looking)
    if (this.#answers.strays(print, given.method))
      throw refusedOnward(this.#context.server, supplier, strayed)
    if (this.#isClosed) throw refusedOnward(this.#context.server, supplier, tooLate)
    const { signal, done } = this.#limit(given.signal)
    try {
      const authority = this.#authority(supplier, signal)
      // Before anything is sent, whatever is remembered.
      await authority.upstream()
      // Empty content is content too.
      const request = new Request(given, { signal, ...(given.body === null ? {} : { body: content }) })
      const response = await this.#inTurn(supplier, request, authority).catch((cause: unknown) => {
        // The handler gave up; the call may have been carried out.
        if (!(cause instanceof OnwardError)) this.#answers.fail(print, given.method, givenUp)
        throw cause
      })
      if (response instanceof SupplierFault) throw this.#fail(supplier, response, print, given.method)
      this.#context.report({
        name: 'onward',
        supplier,
        outcome: 'answered',
        status: response.status,
        ...this.#cause(),
        tokens: this.#tokens.shownTo(supplier),
      })
      return await this.#keep(supplier, print, given.method, response)
    } finally {
      done()
    }
  }

  /**
   * Calls of one supplier at the same time: the first obtains the tokens for all. Otherwise the person would be asked
   * once for each, and only one of the waits could be followed.
   */
  async #inTurn(supplier: string, request: Request, authority: Authority): Promise<Response | SupplierFault> {
    const { suppliers } = this.#context
    const first = this.#first.get(supplier)
    if (first !== undefined) {
      const fault = await first
      if (fault !== undefined) return fault
    }
    if (authority.wallet.get('auth', supplier) !== undefined) return suppliers.fetch(request, authority)
    const work = suppliers.fetch(request, authority)
    const waits = work.then(
      (response) =>
        response instanceof SupplierFault && response.wait !== undefined && response.wait.brings !== 'answer'
          ? response
          : undefined,
      () => undefined,
    )
    this.#first.set(supplier, waits)
    void waits.then((fault) => {
      if (fault === undefined && this.#first.get(supplier) === waits) this.#first.delete(supplier)
    })
    return work
  }

  #look(request: Request): Promise<Looked> {
    const work = (async () => {
      const content = new Uint8Array(await request.arrayBuffer())
      const print = printOf(request, content)
      return { content, print, before: this.#answers.take(print) }
    })()
    this.#looking.add(work)
    const end = (): void => void this.#looking.delete(work)
    work.then(end, end)
    return work
  }

  async #keep(supplier: string, print: string, method: string, response: Response): Promise<Response> {
    try {
      return await this.#answers.keep(print, method, response)
    } catch {
      // It may have been carried out. The caller learns no more than from any other failed call.
      throw this.#fail(supplier, new SupplierFault('supplier_failed', 'the answer broke off'), print, method)
    }
  }

  #supplierOf({ url }: Request): string {
    const { origin } = new URL(url)
    const { allowed } = this.#context
    if (!isServerIdentifier(origin))
      throw new TypeError('onward: a supplier is called by its identifier: https, a host name, no port')
    if (origin === this.#context.resource) throw new TypeError('onward: this is our own identifier')
    if (allowed !== undefined && !allowed.has(origin))
      throw new TypeError(`onward: ${origin} is not among the option onward.suppliers`)
    return origin
  }

  #fail(supplier: string, fault: SupplierFault, print: string, method: string): OnwardError {
    const { code, reason, wait } = fault
    if (unknown.has(code)) this.#answers.fail(print, method, fault)
    this.#context.report({ name: 'onward', supplier, outcome: code, ...this.#cause(), reason })
    if (wait !== undefined) this.#waits.set(wait, print)
    return failedOnward(this.#context.server, supplier, fault)
  }

  /** In whose name it is called. */
  #cause(): Cause {
    const { caller } = this
    if (caller === undefined) return {}
    const { iss, jti } = caller.token
    const named: { person?: string } = {}
    this.#context.nameSubjects(caller, named)
    const { person } = named
    return { iss, jti, ...(person === undefined ? {} : { person }) }
  }

  #limit(signal: AbortSignal): { readonly signal: AbortSignal; done(): void } {
    // Its own timer, so that nothing is left when the call has ended.
    const late = new AbortController()
    const done = after(this.#context.timeout * 1000, () =>
      late.abort(new DOMException('the supplier took too long', 'TimeoutError')),
    )
    return { signal: AbortSignal.any([signal, late.signal]), done }
  }

  #authority(supplier: string, signal: AbortSignal): Authority {
    const { caller } = this
    if (caller === undefined || caller.kind === 'agent')
      throw noAuthority(this.#context.server, supplier, caller !== undefined)
    const { token, person } = caller
    return {
      ps: person.ps,
      exp: token.exp,
      capabilities: this.#capabilities,
      wallet: this.#tokens.wallet(token.iss, token.exp),
      signal,
      upstream: async () => {
        const upstream = this.#upstream
        if (upstream === undefined) throw noAuthority(this.#context.server, supplier, true)
        const stop = token.exp * 1000 <= this.#context.clock() ? ended : await this.#context.findStop(caller)
        if (stop !== undefined) throw refusedOnward(this.#context.server, supplier, stop)
        return upstream
      },
    }
  }
}

/** A call, and its earlier answer. */
interface Looked {
  readonly content: Uint8Array
  readonly print: string
  readonly before: Response | SupplierFault | undefined
}

/** After these faults it is unknown whether the supplier has carried out the call. */
const unknown: ReadonlySet<string> = new Set(['supplier_failed', 'supplier_unavailable'])

const givenUp = new SupplierFault('supplier_unavailable', 'the handler has given the call up')
const ended: Refusal = refuse('expired', 'The token of this call has ended; call again with a new one')
const strayed = new Refusal('server_error', {
  reason:
    'onward: the handler has run again and called something else than before, so that it is not known what has been done',
})
const tooLate = new Refusal('server_error', {
  reason: 'onward: called after the call had been put aside',
})
