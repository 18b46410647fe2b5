// Spans and metrics for OpenTelemetry; needs `@opentelemetry/api`.
export { startTelemetry, type Telemetry, type TelemetryOptions } from '../telemetry/telemetry.js'
