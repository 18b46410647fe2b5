import { type AAuthError, createResourceServer, type ResourceOptions } from '@countersign/core'
import { fromEnvironment, type PartialOptions } from '@countersign/core/adapter'
import type { Request } from 'express'
import { connectSuppliers } from './connect-suppliers.js'
import type { Shared } from './enforce.js'
import { type ExpressGuard, guardOf } from './guard.js'
import type { OtherWay } from './other-way.js'

/**
 * The options of {@link aauth}: those of the resource server, and some for Express.
 *
 * @typeParam User what `users.find` returns
 */
export interface ExpressOptions<User extends object | string = object | string>
  extends PartialOptions<ResourceOptions<Request, User>> {
  /**
   * Who answers challenges and refusals. `answer` (default): the guard. `next`: the application's error handler,
   * which gets an {@link AAuthError} from `next(error)` and must send its `status` and `headers`.
   */
  readonly onError?: 'answer' | 'next'
  /**
   * Whether every route must declare what it requires, or `guard.open()` if it is open on purpose. If one does not,
   * every request is answered `500`. Express has no start event, so the routes are checked when the first request
   * reaches one of our handlers, and again when routes were added. Put `guard.endpoints()` before every route: a
   * handler before our first one is not stopped. `guard.routes(app)` lists the routes without a request. Default
   * `false`.
   */
  readonly secureByDefault?: boolean
}

/** Whether routes are report-only by default (option `observe`). */
type ByDefault<Observe> = [Observe] extends [undefined] ? false : Exclude<Observe, undefined>

/**
 * AAuth for Express 4.18 and 5. The environment can provide `resource`, `signingKeys` and `store`, and outside
 * production a key is made if none is given.
 *
 * @throws TypeError naming the invalid option or variable
 *
 * @example
 * ```ts
 * import { aauth } from '@countersign/express'
 * import express from 'express'
 *
 * const guard = aauth({
 *   resource: 'https://notes.example',
 *   signingKeys: process.env['NOTES_KEY'] ?? '', // or leave it to AAUTH_SIGNING_KEYS
 *   scopes: { 'notes.read': 'Read your notes' },
 * })
 * const app = express()
 * app.use(guard.endpoints())
 * app.get('/notes', guard.require({ scope: 'notes.read' }), (req, res) => {
 *   res.json({ owner: req.aauth.person.sub })
 * })
 * ```
 */
export function aauth<
  const Observe extends boolean | undefined = undefined,
  User extends object | string = object | string,
>(
  options: ExpressOptions<User> & { readonly observe?: Observe } = {},
): ExpressGuard<ByDefault<Observe>, User> {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(
      'option resource: is missing; options are an object with at least the https:// origin of this API',
    )
  const given = options as ExpressOptions
  const { onError = 'answer', secureByDefault = false, ...resourceOptions } = given
  if (('onError' in given && given.onError === undefined) || (onError !== 'answer' && onError !== 'next'))
    throw new TypeError("option onError: must be 'answer' or 'next'")
  if ('secureByDefault' in given && typeof given.secureByDefault !== 'boolean')
    throw new TypeError('option secureByDefault: must be a boolean')
  const { options: complete, close } = fromEnvironment<ResourceOptions<Request>>(connected(resourceOptions), {
    from: import.meta.url,
  })
  const shared: Shared = {
    onError,
    looked: { secureByDefault },
    endpoints: { handlers: new WeakSet(), seen: false, minted: 0 },
  }
  const server = createResourceServer<Request, OtherWay>(complete)
  return guardOf(server, shared, close) as unknown as ExpressGuard<ByDefault<Observe>, User>
}

/** Adds the agent that call chaining needs. */
function connected(options: PartialOptions<ResourceOptions<Request>>): typeof options {
  const { onward } = options
  return typeof onward === 'object' && onward !== null
    ? { ...options, onward: { connect: connectSuppliers, ...onward } }
    : options
}
