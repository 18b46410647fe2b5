import { type Answered, challengeBeside, isPending } from '@countersign/core/adapter'
import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  HookHandlerDoneFunction,
  onRequestAsyncHookHandler,
  onRequestHookHandler,
} from 'fastify'

type Hook = onRequestHookHandler | onRequestAsyncHookHandler

/** `onRequest` hooks that let callers in by other means; all of them, in order. */
export type OtherWay = Hook | readonly Hook[]

/** Runs the other way in as Fastify runs hooks; what it answers with `401` carries our challenge as well. */
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
    const pending: unknown = (hook as onRequestHookHandler).call(app, request, reply, next)
    // A promise goes on by itself, unless the hook has answered; a callback hook calls `next`.
    if (isPending(pending)) void Promise.resolve(pending).then(() => reply.sent || run(index + 1), done)
  }
  run(0)
}
