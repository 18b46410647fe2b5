/** Why a check failed, as a value: the code the draft gives and a sentence for the person who reads the test log. */
export class Fault {
  readonly code: string
  readonly detail: string
  /** The HTTP status that goes with the code at a token endpoint. */
  readonly status: number
  constructor(code: string, detail: string, status = 400) {
    this.code = code
    this.detail = detail
    this.status = status
  }
}
