import type { RouteView } from '@countersign/core/adapter'
import type { Request } from 'express'

/** A request as a policy sees it. The parameters are read only when a policy asks for them. */
export class ExpressRoute implements RouteView<Request> {
  readonly raw: Request

  constructor(raw: Request) {
    this.raw = raw
  }

  get route(): string | undefined {
    const { route, baseUrl = '' }: Partial<Readonly<{ route: { path?: unknown }; baseUrl: string }>> =
      this.raw
    return route?.path === undefined ? undefined : `${baseUrl}${String(route.path)}`
  }

  get id(): string | undefined {
    return idOf(this.raw)
  }

  /** Express 5 gives a wildcard as the list of its segments. */
  get params(): RouteView['params'] {
    const { params = {} }: Partial<Readonly<Record<'params', Request['params']>>> = this.raw
    return Object.fromEntries(
      Object.entries(params).map(([name, value]) => [name, [value].flat().join('/')] as const),
    )
  }
}

/** Express has none itself; what sets one (`pino-http` and others) calls it so. */
export function idOf({ id }: Request & { readonly id?: unknown }): string | undefined {
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined
}
