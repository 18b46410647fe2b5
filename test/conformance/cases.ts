import { aauthCases } from './cases/aauth.js'
import { implementationCases } from './cases/implementations.js'
import type { CaseLine } from './cases/line.js'
import { signatureKeyCases } from './cases/signature-key.js'
import { notOurs, type Without } from './requirement.js'

/** Numbers from one to another, as the lists of cases write them. */
const range = (prefix: string, from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${prefix}-${String(from + i).padStart(3, '0')}`)

/** Cases without a test, and why. */
const without: readonly (readonly [readonly string[], Without])[] = [
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
  /** What is sent, or done. */
  readonly sent: string
  /** What has to come back, where the first does not say it. */
  readonly answer: string | undefined
}

/** The cases that one text is about. */
export interface CaseList {
  readonly title: string
  readonly cases: readonly HostileCase[]
}

const list = (title: string, lines: readonly CaseLine[]): CaseList => ({
  title,
  cases: lines.map(([id, sent, answer]) => ({ id, sent, answer, ...reasons.get(id) })),
})

/** The three lists. */
export const caseLists: readonly CaseList[] = [
  list('N: negative cases of AAuth', aauthCases),
  list('KN: negative cases of the Signature-Key draft', signatureKeyCases),
  list('HC: faults seen in other implementations', implementationCases),
]

/** Every case of the three lists. */
export const cases: readonly HostileCase[] = caseLists.flatMap((one) => one.cases)
