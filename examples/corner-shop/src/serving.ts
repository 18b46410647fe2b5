import type { ResourceOptions, ResourceServer } from '@countersign/core'
import type { Shop } from './shop.js'

/** The shop's identifier. */
export const resource = 'https://shop.example'

/** What differs from one town to the next. */
export type ShopSettings = Pick<ResourceOptions, 'signingKeys' | 'accessServer' | 'fetch' | 'clock' | 'store'>

/** A shop that is open. */
export interface OpenShop {
  /** On 127.0.0.1. */
  readonly port: number
  /** Whom it serves no more. */
  readonly denials: ResourceServer['denials']
  close(): Promise<void>
}

/** Opens a shop with one framework or another. */
export type ServeShop = (shop: Shop, settings: ShopSettings) => Promise<OpenShop>
