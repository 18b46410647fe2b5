const range = (prefix: string, last: number, digits: number): string[] =>
  Array.from({ length: last }, (_, i) => `${prefix}-${String(i + 1).padStart(digits, '0')}`)

/** The numbers of the hostile cases; `docs/conformance.md` says what the three lists are. */
export const caseIds: ReadonlySet<string> = new Set([
  ...range('N', 184, 3),
  'N-052b',
  'N-061b',
  ...range('KN', 143, 3),
  ...range('HC', 99, 2),
  ...range('HC', 123, 3).slice(99),
])
