/**
 * Where failures of ours are logged: the logger of Fastify, pino, or anything with these methods. What belongs to an entry
 * comes first, as pino has it: `err`, `code`, `method`, `route`, `reason`.
 */
export interface Logger {
  error(details: object, message: string): void
  warn(details: object, message: string): void
  /** One entry for each challenge and refusal. Absent: none is made. */
  debug?(details: object, message: string): void
  /** Whether entries of a level are kept. Default: they are. */
  isLevelEnabled?(level: string): boolean
}
