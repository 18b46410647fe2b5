import { connectSuppliers as given } from '@countersign/agent'

/** In a file of its own, which is loaded where a server calls others in its callers' names (scripts/bundle.mjs). */
export const connectSuppliers: typeof given = given
