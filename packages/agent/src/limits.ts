/** The limits of one `fetch` of an agent. Times are milliseconds, sizes are bytes. */
export interface AgentLimits {
  /** Requests, including polls and those to the person server, but not those for metadata and keys. */
  readonly steps: number
  /** From the call to its response, including the time in which people decide. */
  readonly time: number
  /** From sending a request to the header of its response. Servers hold a poll for up to 45 s. */
  readonly exchange: number
  /** Content of a request, which is held in memory because its digest is signed. */
  readonly requestBytes: number
  /** Content of an answer that the agent itself reads: tokens, problems, the content of a `202`. */
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
