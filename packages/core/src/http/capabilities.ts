import { Token } from 'structured-headers'
import { fieldValue } from './message.js'
import { parseList } from './structured.js'

/** A capability that an agent declares in `AAuth-Capabilities` (AAuth 11.7). */
export type Capability = 'interaction' | 'clarification' | 'payment'

const known: ReadonlySet<string> = new Set<Capability>(['interaction', 'clarification', 'payment'])
const none: ReadonlySet<Capability> = new Set()
/** Limit on the characters of the field. */
const longest = 1024

/**
 * The capabilities that a request declares in `AAuth-Capabilities`, a List of Tokens. Unknown members and parameters
 * are ignored, and so is a field that does not parse: no request is refused because of it.
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
