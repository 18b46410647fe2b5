/**
 * The response fields that an agent in a browser must be able to read, for `Access-Control-Expose-Headers` (G-69). It
 * uses `Date` to correct its clock after `clock_skew`. This library sends no CORS fields itself.
 */
export const exposedHeaders: readonly string[] = [
  'AAuth-Requirement',
  'AAuth-Access',
  'Signature-Error',
  'Accept-Signature-Scheme',
  'Accept-Signature-Alg',
  'Location',
  'Retry-After',
  'Date',
]
