import type { DeclaredRoute } from '@countersign/core/adapter'
import type { Requirement } from './request.js'

/** What each of our middlewares declares: by the function itself, which is all that Express keeps of it. */
export const declarations: WeakMap<object, Requirement | false> = new WeakMap()

/** The handlers of our endpoints, which declare nothing. */
export const ownEndpoints: WeakSet<object> = new WeakSet()

type Declared = Requirement | false | undefined
type Path = string | RegExp | readonly (string | RegExp)[]

interface Handle {
  readonly name: string
  readonly stack?: readonly Layer[]
  /** What it stands for, where tracing has put a function of its own around what was given to Express. */
  readonly __original?: Handle
}

/** What both versions of Express keep of a middleware or route; nothing else is looked at. */
export interface Layer {
  readonly handle: Handle
  readonly route?: { readonly path: Path; readonly stack: readonly (Layer & { readonly method?: string })[] }
  /** Version 5: as it was given. */
  readonly rawPath?: Path
  /** Version 5: the layer is for every path. */
  readonly slash?: boolean
  /** Version 4. */
  readonly regexp?: RegExp & { readonly fast_slash?: boolean }
  /** Version 5: one for each path. */
  readonly matchers?: readonly { readonly name: string }[]
  /** Version 4: of the last path that matched. */
  readonly params?: Readonly<Record<string, unknown>> | undefined
  /** Version 4: whether; version 5: how, or `false`. */
  match(path: string): unknown
}

/** An application of either version. */
export interface AnyApplication {
  readonly router?: unknown
  readonly _router?: unknown
  readonly lazyrouter?: unknown
}

/**
 * The routes of an application and what their guards declare, those of routers and of middleware before them included.
 * A middleware that answers by itself is no route. An application that is mounted whole cannot be looked into; it is one
 * route here, for every method.
 */
export function routesOf(app: AnyApplication): readonly DeclaredRoute<Requirement>[] {
  return walk(stackOf(app), '', undefined)
}

/** How many layers an application has itself: what has been added since is told by it. */
export function layersOf(app: AnyApplication): number {
  return stackOf(app).length
}

/** Everything that an application has mounted, in order. */
export function stackOf(app: AnyApplication): readonly Layer[] {
  // In version 4 `router` throws, in version 5 it makes what was not there yet.
  const router = ('lazyrouter' in app ? app._router : app.router) as
    | { readonly stack?: readonly Layer[] }
    | undefined
  return router?.stack ?? []
}

/**
 * Under which path a handler is mounted, wherever that is; `''` at the root.
 *
 * @returns `undefined` where it is not to be found: it is not mounted, or within something that cannot be looked into
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

/** What was given to Express. Instrumentations, OpenTelemetry's for one, keep it as `__original` of what they put in its place. */
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

/** For each method, what is declared before its last handler: a guard behind it guards nothing. */
function methodsOf(stack: readonly (Layer & { readonly method?: string })[]): ReadonlyMap<string, Declared> {
  const methods = new Set(stack.map(({ method }) => method))
  // Handlers for all methods are part of each one's chain.
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
 * Whether every request for these paths passes a guard that was put before a path. A path with parameters is no request:
 * it stands for many, and only a guard whose own path is its beginning sees them all.
 *
 * @param regexp version 4: what the paths became
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

/** Whether the path of a guard, parameters and all, is how another one begins. */
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
