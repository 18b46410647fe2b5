/**
 * Where internal failures are logged: Fastify's logger, pino, or anything with these methods. Details come first, as
 * in pino: `err`, `code`, `method`, `route`, `reason`.
 */
export interface Logger {
  error(details: object, message: string): void
  warn(details: object, message: string): void
  /** Gets one entry for each challenge and refusal. Optional. */
  debug?(details: object, message: string): void
  /** Whether entries of a level are logged. Default: they are. */
  isLevelEnabled?(level: string): boolean
}
