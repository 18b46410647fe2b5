/** Describes a value in an error by its kind, never by its content, which may be secret. */
export function describeValue(value: unknown): string {
  if (value === undefined || value === null || typeof value === 'boolean') return String(value)
  if (value === '') return 'an empty text'
  if (typeof value === 'string') return 'a text'
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Error) return 'an Error'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
