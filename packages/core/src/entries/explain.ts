// Why a request was refused: for operators and developers of agents.

export type { CapturedRequest, HarEntry } from '../explaining/capture.js'
export { type ExplainedCheck, type ExplainOptions, type Explanation, explain } from '../explaining/explain.js'
export type { CapturedFields } from '../explaining/fields.js'
