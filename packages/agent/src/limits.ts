/** The limits of one `fetch` of an agent. Times are milliseconds, sizes are bytes. */
export interface AgentLimits {
  /** Requests, those to the person server and polls included; metadata and keys are not. */
  readonly steps: number
  /** From the call until its response, waiting for people included. */
  readonly time: number
  /** From a request until the header of its response. Servers hold a poll for up to 45 s. */
  readonly exchange: number
  /** The content of a request, which is held in memory: its digest is part of the signature. */
  readonly requestBytes: number
  /** What a server answers that the agent itself reads: tokens, problems, the content of a `202`. */
  readonly answerBytes: number
}

/** The defaults. */
export const agentLimits: AgentLimits = {
  steps: 200,
  time: 900_000,
  exchange: 120_000,
  requestBytes: 16 * 1024 * 1024,
  answerBytes: 64 * 1024,
}
