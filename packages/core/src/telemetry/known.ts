/** The methods of HTTP. Callers may send any other method, and each would be a new series. */
const methods = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'QUERY',
])

/** A method as OpenTelemetry names it. */
export const knownMethod = (method: string): string => (methods.has(method) ? method : '_OTHER')

/** Limit on the values of one attribute of a metric; later ones are counted as `_OTHER`. */
const mostValues = 200

/**
 * Passes the first values of an attribute. Routes and codes come from the application, and are few. But if it makes
 * codes from what callers send, each would be a new series.
 */
export function bounded(): (value: string) => string {
  const seen = new Set<string>()
  return (value) => {
    if (seen.has(value)) return value
    if (seen.size >= mostValues) return '_OTHER'
    seen.add(value)
    return value
  }
}
