/** The methods of HTTP. Callers may send any other, and each would be a new series. */
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

/** The most values of one attribute of a metric; those that come later are counted as `_OTHER`. */
const mostValues = 200

/**
 * Lets through the first values of an attribute. Routes and codes are the application's and few; one that makes its codes
 * from what callers send would otherwise make a new series for each.
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
