import type { SignatureLimits } from './signature/read.js'

/** Every cap on what a stranger sends, in one place. All are applied before anything is parsed. */
export interface Limits extends SignatureLimits {
  /** Characters of a token. */
  readonly token: number
  /** Bytes of a body that is buffered because its digest has to be checked. */
  readonly body: number
}

/** The defaults. Node itself stops a header block at 16 KiB. */
export const defaultLimits: Limits = {
  signatureInput: 2048,
  signature: 1024,
  signatureKey: 12_288,
  components: 32,
  token: 12_288,
  body: 1_048_576,
}
