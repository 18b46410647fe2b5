import { type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api'
import type { ResourceServer } from '../server/contract.js'
import { countIn } from './metrics.js'
import { traceWith } from './spans.js'

/** What {@link startTelemetry} takes. */
export interface TelemetryOptions {
  /** The servers whose gauges are read: `guard.server` in Express, `app.aauth` in Fastify. Default: none, and no gauges. */
  readonly servers?: readonly Pick<ResourceServer, 'resource' | 'counts'>[]
  /** Where spans go. Default: the tracer provider that is registered globally. */
  readonly tracerProvider?: TracerProvider
  /** Where measurements go. Default: the meter provider that is registered globally. */
  readonly meterProvider?: MeterProvider
}

/** Spans and metrics that are being made. */
export interface Telemetry {
  /** Makes none any more. */
  stop(): void
}

/**
 * Makes spans and metrics of all resource servers of this process, from now on. One span for each request at a guard or
 * at an endpoint of ours, child of the framework's; one for each fetch of an issuer's document and each call of the store
 * within it. Call it once, after the SDK has been started. Attributes of metrics have few values: no path, no issuer, no
 * caller. See docs/observability.md for all names.
 *
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

/** The instrumentation scope of everything that is made here. */
const scope = '@countersign/core'
