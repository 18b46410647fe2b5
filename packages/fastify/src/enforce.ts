import { AAuthError } from '@countersign/core'
import {
  type Answered,
  fromNode,
  isPromiseLike,
  keepPrivate,
  type Outcome,
  type RouteGuard,
  type RouteView,
  readOn,
} from '@countersign/core/adapter'
import type {
  FastifyContextConfig,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  HookHandlerDoneFunction,
  RouteHandlerMethod,
} from 'fastify'
import { declaredIn, toldOf } from './declaration.js'
import { fail, type OtherWay, runOther } from './other-way.js'
import type { FastifyGuard } from './request.js'
import { send } from './send.js'
import { trustsEveryProxy } from './trust-proxy.js'

type Done = HookHandlerDoneFunction

/** What the guards of one plugin share. */
export interface GuardSettings {
  readonly onError: 'answer' | 'throw'
  /** Whether refusals are logged with their request. */
  readonly logs: boolean
  /** Whether the application's `trustProxy` has been checked. */
  proxiesJudged: boolean
  /** The value to add to the field `Link` of answers. */
  readonly link: string | undefined
}

/** The settings of each guard. */
export const settingsOf: WeakMap<FastifyGuard, GuardSettings> = new WeakMap()

/** The member of a request that holds the configuration it was checked by. */
export const judged: unique symbol = Symbol('aauth')

interface Declared {
  readonly route: RouteGuard
  readonly other: OtherWay | undefined
  readonly guard: FastifyGuard
  readonly settings: GuardSettings
}

// The requirement comes from the configuration that the router found for the request, which is the route's final
// declaration. No other record of what is guarded could contradict it.
const declared = new WeakMap<FastifyContextConfig, Declared | 'open'>()

/**
 * Enforces on a request what its route declares. It is a hook for several moments of a request: the first enforces,
 * the later ones see that this was done.
 */
export function enforce(request: FastifyRequest, reply: FastifyReply, done: Done): void {
  const { config } = request.routeOptions as { readonly config: FastifyContextConfig | undefined }
  const marked = request as FastifyRequest & { [judged]?: FastifyContextConfig | null }
  if (config === undefined || marked[judged] === config) {
    done()
    return
  }
  let found = declared.get(config)
  if (found === undefined) {
    try {
      found = lookAt(config, request)
    } catch (error) {
      fail(done, error)
      return
    }
    declared.set(config, found)
  }
  marked[judged] = config
  if (found === 'open') done()
  else judge(found, request, reply, done)
}

function lookAt(config: FastifyContextConfig, { server }: FastifyRequest): Declared | 'open' {
  const requirement = declaredIn(config)
  // A declaration changed after the route was registered would be listed by `routes()` but not enforced.
  const told = toldOf(config)
  if (told !== undefined && declaredIn(told.options.config) !== requirement)
    throw new TypeError(
      'config.aauth: was said after the route had been declared; say it before, or in the hook itself',
    )
  if (requirement === undefined || requirement === false) return 'open'
  const { aauth: guard } = server as { readonly aauth?: FastifyGuard }
  const settings = guard === undefined ? undefined : settingsOf.get(guard)
  if (guard === undefined || settings === undefined)
    throw new TypeError('config.aauth: the plugin is not registered in the scope of this route')
  const other = typeof requirement === 'string' ? undefined : requirement.or
  return { route: guard.require(requirement) as RouteGuard, other, guard, settings }
}

function judge(found: Declared, request: FastifyRequest, reply: FastifyReply, done: Done): void {
  const { settings, guard, route } = found
  let outcome: ReturnType<typeof route.check>
  // Nothing catches what a hook throws, and the process would end.
  try {
    if (!settings.proxiesJudged) {
      settings.proxiesJudged = true
      // This does not change what verification reads from the request, but it changes what handlers see.
      if (trustsEveryProxy(request)) guard.diagnose('AAUTH_TRUST_PROXY')
    }
    keepPrivate(reply.raw, settings.link)
    outcome = route.check(
      fromNode(request.raw, request.originalUrl),
      new FastifyRoute(request, settings.logs),
    )
  } catch (error) {
    fail(done, error)
    return
  }
  // The usual request is decided at once. A promise would cost more than everything else beside the verification.
  if (isPromiseLike(outcome))
    void Promise.resolve(outcome).then(
      (late) => {
        try {
          conclude(found, late, [request, reply, done])
        } catch (error) {
          fail(done, error)
        }
      },
      (error: unknown) => fail(done, error),
    )
  else conclude(found, outcome, [request, reply, done])
}

/** A request as the functions of the application see it. Members that few of them use are read on demand. */
class FastifyRoute implements RouteView<FastifyRequest> {
  readonly raw: FastifyRequest
  readonly #logs: boolean

  constructor(raw: FastifyRequest, logs: boolean) {
    this.raw = raw
    this.#logs = logs
  }

  get params(): RouteView['params'] {
    return this.raw.params as RouteView['params']
  }

  get route(): string | undefined {
    return this.raw.routeOptions.url
  }

  get id(): string {
    return String(this.raw.id)
  }

  get log(): FastifyRequest['log'] | undefined {
    return this.#logs ? this.raw.log : undefined
  }
}

function conclude(
  { other, settings }: Declared,
  outcome: Outcome,
  [request, reply, done]: [FastifyRequest, FastifyReply, Done],
): void {
  // The application has answered meanwhile: a caller that was told of a failure must not find the call carried out.
  if (reply.sent) return
  request.aauth = ((outcome.served ? outcome.caller : undefined) ?? null) as FastifyRequest['aauth']
  request.aauthObserved = outcome.observed ?? null
  if (!outcome.served || outcome.observed !== undefined) readOn(request.raw, reply.raw)
  if (outcome.served) {
    if (outcome.headers !== undefined) reply.headers(outcome.headers)
    done()
  } else if (outcome.or === true && other !== undefined) {
    runOther(other, outcome, [request.server, request, reply, done])
  } else refuse(outcome, settings, reply, done)
}

/**
 * Answers an error of the handler's calls to suppliers as if the handler had returned: the application's error
 * handler would not know that the call is only waiting.
 */
export function answering(handler: RouteHandlerMethod): RouteHandlerMethod {
  return function (this: FastifyInstance, request, reply) {
    const failed = (error: unknown): Promise<unknown> => answerOnward(error, request, reply)
    try {
      const result: unknown = handler.call(this, request, reply)
      return isPromiseLike(result) ? Promise.resolve(result).catch(failed) : result
    } catch (error) {
      return failed(error)
    }
  }
}

async function answerOnward(error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { aauth: guard } = request.server as { readonly aauth?: FastifyGuard }
  // A call that has been answered is not held as well.
  if (guard === undefined || reply.sent) throw error
  const outcome = guard.answerOnward(fromNode(request.raw, request.originalUrl), error)
  if (outcome === undefined) throw error
  const { code, detail, answer } = await outcome
  const isAnswered = answer.status < 400 || settingsOf.get(guard)?.onError === 'answer'
  if (!isAnswered) throw new AAuthError(code, answer.status, answer.headers, detail)
  return send(answer, reply)
}

function refuse(outcome: Answered, { onError }: GuardSettings, reply: FastifyReply, done: Done): void {
  const { code, detail, answer } = outcome
  // A `202` is no error: the call is held.
  if (onError === 'answer' || answer.status < 400) send(answer, reply)
  else done(new AAuthError(code, answer.status, answer.headers, detail))
}
