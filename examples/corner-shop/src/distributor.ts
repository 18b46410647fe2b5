import type { Entry, ShopRoute } from './shop.js'

/** Where the shop buys. */
export const distributor = 'https://distributor.example'

/** What the distributor sells, and what that means to the person who pays. */
export const distributorScopes = { 'wholesale.order': 'Have your shop order for you' }

/** The distributor's route; what was ordered goes into `orders`. It cannot tell a shop from any other agent. */
export function distributorRoutes(orders: Entry[]): readonly ShopRoute[] {
  return [
    {
      method: 'post',
      path: '/orders',
      needs: { scope: 'wholesale.order' },
      serve: (_shop, caller) => {
        if (caller?.kind !== 'grant') throw new Error('only a grant orders')
        orders.push({ item: 'flour', token: caller.token })
        return { order: orders.length }
      },
    },
  ]
}
