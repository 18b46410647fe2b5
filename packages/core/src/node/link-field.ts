import type { OutgoingHttpHeader, ServerResponse } from 'node:http'

/**
 * Adds values to the `Link` field of a head that is about to be written, beside those of the application. In Node,
 * fields given to `writeHead` replace those set before, so the values are added where the application's own are.
 *
 * @param given the fields given to `writeHead`, in any of its forms; the caller's object is not changed
 * @returns the fields to give instead
 */
export function withLinks(given: unknown, response: ServerResponse, links: readonly string[]): unknown {
  if (Array.isArray(given)) {
    const areLists = Array.isArray(given[0])
    const pairs = areLists ? (given as unknown[][]) : pairsOf(given)
    const own = pairs.filter(([name]) => isLink(name)).map(([, value]) => value)
    if (own.length === 0) return setLinks(given, response, links)
    // One pair: of several, Node keeps the last if something else was set before.
    const value = added(own.flat() as OutgoingHttpHeader, links).join(', ')
    const all = [...pairs.filter(([name]) => !isLink(name)), ['Link', value]]
    return areLists ? all : all.flat()
  }
  if (typeof given === 'object' && given !== null) {
    const fields = given as Readonly<Record<string, OutgoingHttpHeader | undefined>>
    const names = Object.keys(fields).filter(isLink)
    const [name] = names
    if (name !== undefined) {
      // With several spellings, HTTP/2 keeps the last.
      const others = Object.fromEntries(Object.entries(fields).filter(([one]) => !isLink(one)))
      return {
        ...others,
        [name]: added(
          names.flatMap((one) => [fields[one] ?? []].flat().map(String)),
          links,
        ),
      }
    }
  }
  return setLinks(given, response, links)
}

function setLinks(given: unknown, response: ServerResponse, links: readonly string[]): unknown {
  response.setHeader('Link', added(response.getHeader('link'), links))
  return given
}

function added(value: OutgoingHttpHeader | undefined, links: readonly string[]): string[] {
  const own = value === undefined ? [] : [value].flat().map(String)
  return [...own, ...links.filter((link) => !own.some((text) => text.includes(link)))]
}

function pairsOf(list: readonly unknown[]): unknown[][] {
  return list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1]]] : []))
}

const isLink = (name: unknown): boolean => String(name).toLowerCase() === 'link'
