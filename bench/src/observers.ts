import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AuditLog, createAuditLog } from '@countersign/core/audit'
import { startTelemetry, type TelemetryOptions } from '@countersign/core/otel'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { AlwaysOffSampler, BasicTracerProvider } from '@opentelemetry/sdk-trace-base'

/** An audit log in a file of its own, synchronised in groups; the file is removed with the process. */
export function auditLog(): AuditLog {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return createAuditLog({ file: join(folder, 'audit.jsonl'), secret: 'x'.repeat(32) })
}

const unsampled = new BasicTracerProvider({ sampler: new AlwaysOffSampler() })

/** Makes metrics, and spans that are not sampled. @returns a function that stops it */
export function observe(servers: NonNullable<TelemetryOptions['servers']> = []): () => void {
  const reader = new PeriodicExportingMetricReader({
    exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE),
    exportIntervalMillis: 3_600_000,
  })
  const meterProvider = new MeterProvider({ readers: [reader] })
  const telemetry = startTelemetry({ tracerProvider: unsampled, meterProvider, servers })
  return () => {
    telemetry.stop()
    void meterProvider.shutdown()
  }
}
