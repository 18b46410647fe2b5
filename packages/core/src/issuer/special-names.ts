/**
 * Names that never lead to a public server, with all names below them: RFC 6761 (`localhost`, `invalid`, `test`), RFC
 * 6762 (`local`), RFC 7686 (`onion`), RFC 8375 (`home.arpa`), RFC 9462 (`resolver.arpa`), RFC 9476 (`alt`) and
 * `internal`, which is reserved for private use. A server that answers for one of them is in our own network.
 */
const specialNames: ReadonlySet<string> = new Set([
  'alt',
  'home.arpa',
  'internal',
  'invalid',
  'local',
  'localhost',
  'onion',
  'resolver.arpa',
  'test',
])

/** Whether a host has a special-use name, or a name without a dot, which only a search list could complete. */
export function isSpecialName(host: string): boolean {
  const labels = host.split('.')
  if (labels.length === 1) return true
  return specialNames.has(labels.at(-1) as string) || specialNames.has(labels.slice(-2).join('.'))
}
