/**
 * The response fields that an agent in a browser has to be able to read, for `Access-Control-Expose-Headers` (G-69).
 * `Date` is what it corrects its clock by after `clock_skew`. We send no CORS fields ourselves.
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
