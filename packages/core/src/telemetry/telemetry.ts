import { type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api'
import type { ResourceServer } from '../server/contract.js'
import { countIn } from './metrics.js'
import { traceWith } from './spans.js'

/** Options of {@link startTelemetry}. */
export interface TelemetryOptions {
  /**
   * The servers whose gauges are read: `guard.server` in Express, `app.aauth` in Fastify. Default: none, and no
   * gauges.
   */
  readonly servers?: readonly Pick<ResourceServer, 'resource' | 'counts'>[]
  /** Receives the spans. Default: the globally registered tracer provider. */
  readonly tracerProvider?: TracerProvider
  /** Receives the measurements. Default: the globally registered meter provider. */
  readonly meterProvider?: MeterProvider
}

/** Running spans and metrics. */
export interface Telemetry {
  /** Stops them. */
  stop(): void
}

/**
 * Makes spans and metrics of all resource servers in this process, from now on. There is one span for each request at
 * a guard or at one of our endpoints, a child of the framework's span; within it, one for each fetch of an issuer's
 * document and each call of the store. Call it once, after the SDK has started. Attributes of metrics have few
 * values: no path, issuer or caller. See docs/observability.md for all names.
 * @example
 * ```ts
 * import { createResourceServer } from '@countersign/core'
 * import { startTelemetry } from '@countersign/core/otel'
 *
 * const server = createResourceServer({ resource: 'https://notes.example' })
 * const telemetry = startTelemetry({ servers: [server] })
 *
 * process.once('SIGTERM', () => telemetry.stop())
 * ```
 */
export function startTelemetry(options: TelemetryOptions = {}): Telemetry {
  const { servers = [], tracerProvider, meterProvider } = options
  const stopTracing = traceWith((tracerProvider ?? trace.getTracerProvider()).getTracer(scope))
  const stopCounting = countIn((meterProvider ?? metrics.getMeterProvider()).getMeter(scope), servers)
  return {
    stop() {
      stopTracing()
      stopCounting()
    },
  }
}

/** The instrumentation scope of these spans and metrics. */
const scope = '@countersign/core'
