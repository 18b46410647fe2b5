import type { DeclaredRoute } from '@countersign/core'
import type { Requirement } from './request.js'

/** What each handler of ours declares. By the function itself, so that nothing can be copied without it. */
export const declarations: WeakMap<object, Requirement | false> = new WeakMap()

type Declared = Requirement | false | undefined
type Path = string | RegExp | readonly (string | RegExp)[]

/** What both versions of Express keep of a middleware or route; nothing else is looked at. */
export interface Layer {
  readonly handle: { readonly name: string; readonly stack?: readonly Layer[] }
  readonly route?: { readonly path: Path; readonly stack: readonly (Layer & { readonly method?: string })[] }
  /** Version 5: as it was given. */
  readonly rawPath?: Path
  /** Version 5: the layer is for every path. */
  readonly slash?: boolean
  /** Version 4. */
  readonly regexp?: RegExp & { readonly fast_slash?: boolean }
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

/** Everything that an application has mounted, in order. */
export function stackOf(app: AnyApplication): readonly Layer[] {
  // In version 4 `router` throws, in version 5 it makes what was not there yet.
  const router = ('lazyrouter' in app ? app._router : app.router) as
    | { readonly stack?: readonly Layer[] }
    | undefined
  return router?.stack ?? []
}

function walk(
  stack: readonly Layer[],
  base: string,
  around: Declared,
): readonly DeclaredRoute<Requirement>[] {
  const guards: Layer[] = []
  const cover = (paths: Path): Declared => {
    const guard = guards.findLast((layer) => covers(layer, paths))
    return guard === undefined ? around : declarations.get(guard.handle)
  }
  const found: DeclaredRoute<Requirement>[] = []
  for (const layer of stack) {
    const { handle, route } = layer
    if (route !== undefined) {
      const paths = [route.path].flat()
      const inherited = cover(route.path)
      for (const [method, aauth] of methodsOf(route.stack))
        for (const path of paths)
          found.push({ method, path: `${base}${String(path)}`, aauth: aauth ?? inherited })
    } else if (declarations.has(handle)) guards.push(layer)
    else if (handle.stack !== undefined || handle.name === 'mounted_app') {
      const prefix = prefixOf(layer)
      const aauth = cover(prefix === '' ? '/' : prefix)
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
      const guard = chain.slice(0, -1).findLast(({ handle }) => declarations.has(handle))
      const { method = 'ALL' } = { method: name }
      return [method.toUpperCase(), guard === undefined ? undefined : declarations.get(guard.handle)] as const
    }),
  )
}

function covers(guard: Layer, paths: Path): boolean {
  if (guard.slash === true || guard.regexp?.fast_slash === true) return true
  return [paths].flat().every((path) => typeof path === 'string' && Boolean(guard.match(path)))
}

/** The path under which a router is mounted. */
function prefixOf({ rawPath, regexp }: Layer): string {
  if (rawPath !== undefined) return rawPath === '/' ? '' : [rawPath].flat().join('|')
  if (regexp === undefined || regexp.fast_slash === true) return ''
  return regexp.source.replace(/^\^/, '').replace('\\/?(?=\\/|$)', '').replaceAll('\\/', '/')
}
