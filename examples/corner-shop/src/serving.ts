import type { InteractionOptions, ResourceOptions, ResourceServer } from '@countersign/core'
import type { Shop, ShopRoute } from './shop.js'

/** The shop's identifier. */
export const resource = 'https://shop.example'

/** What differs from one server to the next. */
export type ShopSettings = Pick<
  ResourceOptions,
  'resource' | 'scopes' | 'signingKeys' | 'accessServer' | 'fetch' | 'clock' | 'store' | 'onward' | 'users'
> & {
  /** What the page says in other languages than English; default: nothing. */
  readonly messages?: NonNullable<InteractionOptions['messages']>
}

/** A shop that is open. */
export interface OpenShop {
  /** On 127.0.0.1. */
  readonly port: number
  /** Whom it serves no more. */
  readonly denials: ResourceServer['denials']
  /** Whom it takes off a customer's tab. */
  readonly users: ResourceServer['users']
  close(): Promise<void>
}

/** Serves a table of routes with one framework or another. */
export type ServeShop = (
  shop: Shop,
  routes: readonly ShopRoute[],
  settings: ShopSettings,
) => Promise<OpenShop>
