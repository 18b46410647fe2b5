export { createRedisAuditSink, type RedisAuditSink, type RedisAuditSinkOptions } from './audit-sink.js'
export type { IORedisClient, NodeRedisClient } from './clients.js'
export { type OpenedRedisStore, openRedisStore } from './open.js'
export { createRedisStore, type RedisClient, type RedisStore, type RedisStoreOptions } from './redis-store.js'
