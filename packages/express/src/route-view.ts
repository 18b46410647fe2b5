import type { RouteView } from '@countersign/core/adapter'
import type { Request } from 'express'

/** A request as policies see it. The parameters are read only when a policy uses them. */
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

  /** Express 5 returns a wildcard as a list of segments. */
  get params(): RouteView['params'] {
    const { params = {} }: Partial<Readonly<Record<'params', Request['params']>>> = this.raw
    return Object.fromEntries(
      Object.entries(params).map(([name, value]) => [name, [value].flat().join('/')] as const),
    )
  }
}

/** Express sets no id; libraries that do (`pino-http` and others) use this name. */
export function idOf({ id }: Request & { readonly id?: unknown }): string | undefined {
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined
}
