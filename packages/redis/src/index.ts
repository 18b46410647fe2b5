export type { IORedisClient, NodeRedisClient } from './clients.js'
export { createRedisStore, type RedisClient, type RedisStoreOptions } from './redis-store.js'
