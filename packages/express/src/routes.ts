import type { DeclaredRoute } from '@countersign/core/adapter'
import type { Requirement } from './request.js'

/** What each of our middlewares declares, by its function, which is all that Express keeps of it. */
export const declarations: WeakMap<object, Requirement | false> = new WeakMap()

/** The handlers of our endpoints, which declare nothing. */
export const ownEndpoints: WeakSet<object> = new WeakSet()

type Declared = Requirement | false | undefined
type Path = string | RegExp | readonly (string | RegExp)[]

interface Handle {
  readonly name: string
  readonly stack?: readonly Layer[]
  /** The original function, if tracing has wrapped it. */
  readonly __original?: Handle
}

/** The parts of a layer that both versions of Express have; nothing else is read. */
export interface Layer {
  readonly handle: Handle
  readonly route?: { readonly path: Path; readonly stack: readonly (Layer & { readonly method?: string })[] }
  /** Version 5: the path as given. */
  readonly rawPath?: Path
  /** Version 5: whether the layer is for every path. */
  readonly slash?: boolean
  /** Version 4. */
  readonly regexp?: RegExp & { readonly fast_slash?: boolean }
  /** Version 5: one for each path. */
  readonly matchers?: readonly { readonly name: string }[]
  /** Version 4: of the last path that matched. */
  readonly params?: Readonly<Record<string, unknown>> | undefined
  /** Version 4: whether it matches; version 5: how, or `false`. */
  match(path: string): unknown
}

/** An application of either version. */
export interface AnyApplication {
  readonly router?: unknown
  readonly _router?: unknown
  readonly lazyrouter?: unknown
}

/**
 * Lists the routes of an application and what their guards declare, including routers and the middleware before them.
 * A middleware that answers by itself is no route. A mounted application cannot be inspected; it counts as one route
 * for every method.
 */
export function routesOf(app: AnyApplication): readonly DeclaredRoute<Requirement>[] {
  return walk(stackOf(app), '', undefined)
}

/** How many layers an application has itself. A change of this number shows that layers were added. */
export function layersOf(app: AnyApplication): number {
  return stackOf(app).length
}

/** Everything that an application has mounted, in order. */
export function stackOf(app: AnyApplication): readonly Layer[] {
  // In version 4 reading `router` throws; in version 5 it creates the router.
  const router = ('lazyrouter' in app ? app._router : app.router) as
    | { readonly stack?: readonly Layer[] }
    | undefined
  return router?.stack ?? []
}

/**
 * The path under which a handler is mounted; `''` at the root.
 *
 * @returns `undefined` when it is not found: it is not mounted, or inside something that cannot be inspected
 */
export function mountOf(
  stack: readonly Layer[],
  isIt: (handle: object) => boolean,
  base = '',
): string | undefined {
  const found = stack.flatMap((layer) => {
    if (layer.route !== undefined) return []
    const path = `${base}${prefixOf(layer)}`
    const handle = handleOf(layer)
    if (isIt(handle)) return [path]
    const { stack: inner } = handle
    const mount = inner === undefined ? undefined : mountOf(inner, isIt, path)
    return mount === undefined ? [] : [mount]
  })
  return found.includes('') ? '' : found[0]
}

/**
 * The function that was given to Express. Instrumentations such as OpenTelemetry's keep it in `__original` of their
 * wrapper.
 */
export function handleOf({ handle }: Pick<Layer, 'handle'>): Handle {
  return handle.__original ?? handle
}

function walk(
  stack: readonly Layer[],
  base: string,
  around: Declared,
): readonly DeclaredRoute<Requirement>[] {
  const guards: Layer[] = []
  const cover = (paths: Path, { regexp }: Layer): Declared => {
    const guard = guards.findLast((layer) => covers(layer, paths, regexp))
    return guard === undefined ? around : declarations.get(handleOf(guard))
  }
  const found: DeclaredRoute<Requirement>[] = []
  for (const layer of stack) {
    const { route } = layer
    const handle = handleOf(layer)
    if (route !== undefined) {
      const paths = [route.path].flat()
      const inherited = cover(route.path, layer)
      for (const [method, aauth] of methodsOf(route.stack))
        for (const path of paths)
          found.push({ method, path: `${base}${String(path)}`, aauth: aauth ?? inherited })
    } else if (declarations.has(handle)) guards.push(layer)
    else if (handle.stack !== undefined || handle.name === 'mounted_app') {
      const prefix = prefixOf(layer)
      const aauth = cover(prefix === '' ? '/' : prefix, layer)
      if (handle.stack !== undefined) found.push(...walk(handle.stack, `${base}${prefix}`, aauth))
      else found.push({ method: 'ALL', path: `${base}${prefix}/*`, aauth })
    }
  }
  return found
}

/** For each method, what is declared before its last handler. A guard after that handler guards nothing. */
function methodsOf(stack: readonly (Layer & { readonly method?: string })[]): ReadonlyMap<string, Declared> {
  const methods = new Set(stack.map(({ method }) => method))
  // Handlers for all methods belong to the chain of each one.
  if (methods.size > 1) methods.delete(undefined)
  return new Map(
    [...methods].map((name) => {
      const chain = stack.filter(({ method }) => method === undefined || method === name)
      const guard = chain.slice(0, -1).findLast((layer) => declarations.has(handleOf(layer)))
      const { method = 'ALL' } = { method: name }
      return [
        method.toUpperCase(),
        guard === undefined ? undefined : declarations.get(handleOf(guard)),
      ] as const
    }),
  )
}

/**
 * Whether every request for these paths passes a guard that was put before them. A path with parameters stands for
 * many requests, and only a guard whose own path is a prefix of it sees them all.
 *
 * @param regexp version 4: the compiled paths
 */
function covers(guard: Layer, paths: Path, regexp: RegExp | undefined): boolean {
  if (guard.slash === true || guard.regexp?.fast_slash === true) return true
  return [paths].flat().every((path) => {
    if (typeof path !== 'string') return false
    const match = guard.match(path)
    if (match && (isPlain.test(path) || !isPattern(guard, match))) return true
    return isBeginning(guard, path, regexp)
  })
}

const isPlain = /^[^:*?+(){}[\]|\\^$!]*$/
const tail = '\\/?(?=\\/|$)'

/** Whether a guard that has just matched has a path that stands for many. */
function isPattern({ params, matchers, regexp }: Layer, match: unknown): boolean {
  const isOwn =
    regexp === undefined
      ? matchers?.some(({ name }) => name === 'regexpMatcher') === true
      : !regexp.source.endsWith(tail)
  const found = typeof match === 'object' ? (match as Pick<Layer, 'params'>).params : params
  return isOwn || Object.keys(found ?? {}).length > 0
}

/** Whether the path of a guard, with its parameters, is a prefix of another path. */
function isBeginning(guard: Layer, path: string, regexp: RegExp | undefined): boolean {
  if (guard.regexp === undefined)
    return [guard.rawPath]
      .flat()
      .some((begin) => typeof begin === 'string' && `${path}/`.startsWith(`${begin.replace(/\/+$/, '')}/`))
  const { source } = guard.regexp
  return source.endsWith(tail) && regexp?.source.startsWith(`${source.slice(0, -tail.length)}\\/`) === true
}

/** The path under which a router is mounted. */
function prefixOf({ rawPath, regexp }: Layer): string {
  if (rawPath !== undefined) return rawPath === '/' ? '' : [rawPath].flat().join('|')
  if (regexp === undefined || regexp.fast_slash === true) return ''
  return regexp.source.replace(/^\^/, '').replace('\\/?(?=\\/|$)', '').replaceAll('\\/', '/')
}
