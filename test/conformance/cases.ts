import { notOurs, pending, type Without } from './requirement.js'

/** Numbers from one to another, as the lists of cases write them. */
const range = (prefix: string, from: number, to: number, digits = 3): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${prefix}-${String(from + i).padStart(digits, '0')}`)

/** N: the negative cases of AAuth. KN: those of the Signature-Key draft. HC: those seen in other implementations. */
const all = [
  ...range('N', 1, 184),
  'N-052b',
  'N-061b',
  'N-090b',
  ...range('KN', 1, 27),
  ...range('KN', 30, 47),
  ...range('KN', 50, 64),
  ...range('KN', 70, 91),
  ...range('KN', 100, 110),
  ...range('KN', 120, 130),
  ...range('KN', 140, 143),
  ...range('HC', 1, 99, 2),
  ...range('HC', 100, 123),
]

/** Cases without a test, and why. */
const without: readonly (readonly [readonly string[], Without])[] = [
  [range('N', 178, 184), pending('Z')],
  [
    [...range('KN', 120, 129)],
    notOurs('Of schemes that are not implemented, and that are answered as such (KN-050, KN-062).'),
  ],
  [['KN-130'], notOurs('AAuth requires the jti whose absence this is about (N-068).')],
  [['HC-92'], notOurs('What handlers answer does not pass through here.')],
  [['HC-95'], notOurs('How agents read the field.')],
  [['HC-102'], notOurs('There are no proposals to serve: they are the R3 companion draft’s.')],
  [range('HC', 111, 118), notOurs('R3 and Budgets, which are not built.')],
]

const reasons = new Map(without.flatMap(([ids, reason]) => ids.map((id) => [id, reason] as const)))

/** A hostile case, or a control beside one. Without a reason it claims a passing test. */
export interface HostileCase extends Without {
  readonly id: string
}

/** Every case of the three lists. */
export const cases: readonly HostileCase[] = all.map((id) => ({ id, ...reasons.get(id) }))
