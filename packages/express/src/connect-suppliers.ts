import { connectSuppliers as given } from '@countersign/agent'

/** A file of its own, so that it is loaded only by servers that call suppliers (scripts/bundle.mjs). */
export const connectSuppliers: typeof given = given
