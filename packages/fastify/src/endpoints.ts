import { type Answer, fromNode, nodeHost, wholeApplication } from '@countersign/core/adapter'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { rootOf } from './root.js'
import { send } from './send.js'

/** Which requests our endpoints answer. */
export interface EndpointOptions {
  /**
   * Fastify's own route constraints, for example `{ host: 'notes.example' }`. Default: none for the first resource of
   * an application, `host` for every further one.
   */
  readonly constraints?: Readonly<Record<string, unknown>>
}

// Which resources already use a path without constraints of the application's.
const taken = new WeakMap<FastifyInstance, Map<string, string>>()

/**
 * Adds our own endpoints. They answer in `onRequest`, before Fastify checks the content type of the request.
 *
 * @param logs whether refusals are logged with their request
 * @throws TypeError when their paths would not be those in the metadata
 */
export function addEndpoints(app: FastifyInstance, { constraints }: EndpointOptions, logs: boolean): void {
  if (app.prefix !== '') {
    throw new TypeError(
      'option endpoints: well-known paths cannot move under a prefix; register the plugin at the root',
    )
  }
  const root = rootOf(app)
  const owners = taken.get(root) ?? new Map<string, string>()
  taken.set(root, owners)
  const { aauth: guard } = app
  for (const { path, prefix } of guard.endpoints) {
    const url = prefix === true ? `${path}*` : path
    const owner = constraints === undefined ? owners.get(url) : undefined
    if (owner === guard.resource)
      throw new TypeError(
        `option endpoints: ${guard.resource} has them already; say endpoints: false where it is registered again`,
      )
    if (constraints === undefined && owner === undefined) owners.set(url, guard.resource)
    app.route({
      method: app.supportedMethods,
      url,
      exposeHeadRoute: false,
      config: { aauth: false },
      // The metadata describes them, so the application's API documentation does not.
      schema: { hide: true } as FastifySchema,
      constraints: constraints ?? (owner === undefined ? {} : { host: hostOf(guard.resource) }),
      onRequest: async (request, reply) => {
        const { raw } = request
        const listener = wholeApplication(raw, (message, response) => app.routing(message, response))
        const answer = await guard.handle(fromNode(raw, request.originalUrl), {
          ...nodeHost(listener, raw, request),
          id: String(request.id),
          ...(logs ? { log: request.log } : {}),
        })
        return send(answer ?? notFound, reply)
      },
      handler: answered,
    })
  }
}

/** The handler of our endpoints, by which they are recognised. It never runs: they answer in `onRequest`. */
export const answered = (): undefined => undefined

/** The host of a resource, with any port: clients often see another port than the one we listen on. */
function hostOf(resource: string): RegExp {
  const host = resource.slice('https://'.length)
  return new RegExp(`^${host.replaceAll('.', '\\.')}\\.?(?::\\d+)?$`, 'i')
}

// A request that a lenient router lets through under one of our prefixes.
const notFound: Answer = { status: 404, headers: {}, body: '' }
