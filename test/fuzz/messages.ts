import type { Found } from './campaign.js'

/** What a process that fuzzes is told: to run a target for a while, or to say which inputs are worth keeping. */
export interface FuzzOrder {
  readonly target: string
  readonly do: 'run' | 'keep'
  /** Inputs to run at most. */
  readonly most: number
  readonly seconds: number
  /** What others have found meanwhile: base64. */
  readonly corpus: readonly string[]
}

/** What it says of that: `found` alone where something is wrong. */
export interface FuzzSaid {
  /** Since it was last told. */
  readonly runs: number
  readonly branches: number
  readonly corpus: number
  /** What has come to new code since, or what is worth keeping: base64. */
  readonly inputs: readonly string[]
  readonly found?: Found | undefined
}
