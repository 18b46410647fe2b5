import { Token } from 'structured-headers'
import { fieldValue } from './message.js'
import { parseList } from './structured.js'

/** What an agent says it can do for a resource (AAuth 11.7). */
export type Capability = 'interaction' | 'clarification' | 'payment'

const known: ReadonlySet<string> = new Set<Capability>(['interaction', 'clarification', 'payment'])
const none: ReadonlySet<Capability> = new Set()
const longest = 1024

/**
 * `AAuth-Capabilities`, a List of Tokens. What is not known is ignored, parameters as well, and a field that does not
 * parse says nothing: no request is ever refused for it.
 */
export function readCapabilities(rawHeaders: readonly string[]): ReadonlySet<Capability> {
  return declaredCapabilities(rawHeaders) ?? none
}

/** As {@link readCapabilities}; `undefined` when the agent declared nothing, which is not the same as "none" (G-35). */
export function declaredCapabilities(rawHeaders: readonly string[]): ReadonlySet<Capability> | undefined {
  const value = fieldValue(rawHeaders, 'aauth-capabilities')
  if (value === undefined || value.length > longest) return undefined
  try {
    const names = parseList(value).map(([item]) => (item instanceof Token ? item.toString() : ''))
    return new Set(names.filter((name): name is Capability => known.has(name)))
  } catch {
    return undefined
  }
}
