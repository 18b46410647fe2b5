import { hash } from 'node:crypto'
import type { Store } from '@countersign/core'
import type { UsersOptions } from '@countersign/core/adapter'

/**
 * The users of the application that the target pretends to be: a link is an entry of the store that instances share, or
 * where there is none, of a map.
 */
export function createUsers(store: Store | undefined): UsersOptions<string> {
  const own = new Map<string, string>()
  const keyOf: (who: Parameters<UsersOptions['find']>[0]) => string = ({ person, tenant }) =>
    `target:user:${hash('sha256', JSON.stringify([person.ps, person.sub, tenant ?? null]), 'base64url')}`
  return {
    find: (who) => (store === undefined ? own.get(keyOf(who)) : store.get(keyOf(who))),
    async link({ user, ...who }) {
      const key = keyOf(who)
      const isFree = store === undefined ? !own.has(key) : await store.claim(key, user, 30 * 86_400)
      if (!isFree) return { refused: 'This person is connected to an account already.' }
      if (store === undefined) own.set(key, user)
      return undefined
    },
    async unlink(who) {
      if (store === undefined) own.delete(keyOf(who))
      else await store.delete(keyOf(who))
    },
  }
}
