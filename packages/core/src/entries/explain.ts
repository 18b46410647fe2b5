// Why a request was refused: for operators and for whoever writes agents.

export type { CapturedFields, CapturedRequest, HarEntry } from '../explaining/capture.js'
export { type ExplainedCheck, type ExplainOptions, type Explanation, explain } from '../explaining/explain.js'
