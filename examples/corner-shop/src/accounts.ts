import type { UsersOptions } from '@countersign/core/adapter'

/**
 * Which person of which person server each of the shop's customers is: one row for each link, as a table of the shop's
 * database would have it, with (ps, sub) as its key. Nothing is in it that a customer has not agreed to on the shop's page.
 */
export function createAccounts(): Required<UsersOptions<string>> {
  const links = new Map<string, string>()
  const keyOf: (who: Parameters<UsersOptions['find']>[0]) => string = ({ person }) =>
    JSON.stringify([person.ps, person.sub])
  return {
    find: (who) => links.get(keyOf(who)),
    link: (who) => {
      links.set(keyOf(who), who.user)
    },
    unlink: (who) => {
      links.delete(keyOf(who))
    },
  }
}
