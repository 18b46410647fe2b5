import { type Answered, challengeBeside, isPromiseLike } from '@countersign/core/adapter'
import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  HookHandlerDoneFunction,
  onRequestAsyncHookHandler,
  onRequestHookHandler,
} from 'fastify'

/** Passes an error on, whatever was thrown: for a falsy value Fastify would serve the request. */
export function fail(done: HookHandlerDoneFunction, error: unknown): void {
  done(error instanceof Error ? error : new Error('failed without saying why', { cause: error }))
}

type Hook = onRequestHookHandler | onRequestAsyncHookHandler

/** The `onRequest` hooks of another authentication that a route also accepts. All of them run, in order. */
export type OtherWay = Hook | readonly Hook[]

/** Runs the other way in, as Fastify runs hooks. If it answers `401`, our challenge is added. */
export function runOther(
  other: OtherWay,
  outcome: Answered,
  [app, request, reply, done]: [FastifyInstance, FastifyRequest, FastifyReply, HookHandlerDoneFunction],
): void {
  const hooks = [other].flat()
  const end = outcome.observed === undefined ? challengeBeside(reply.raw, outcome.answer.headers) : () => {}
  const run = (index: number): void => {
    const hook = hooks[index]
    if (hook === undefined) {
      end()
      done()
      return
    }
    const next = (error?: Error | null): void => (error ? done(error) : run(index + 1))
    let pending: unknown
    try {
      pending = (hook as onRequestHookHandler).call(app, request, reply, next)
    } catch (error) {
      fail(done, error)
      return
    }
    // After a promise the next hook runs, unless the hook has answered; a callback hook calls `next` itself.
    if (isPromiseLike(pending))
      void Promise.resolve(pending)
        .then(() => reply.sent || run(index + 1))
        .catch((error: unknown) => fail(done, error))
  }
  run(0)
}
