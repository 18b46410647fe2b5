/**
 * How an `LRUCache` that each server has is bounded: to so many values, each weighing one. One that is bounded by `max` has
 * room for all of them from the beginning, which most servers never need.
 */
export const atMost = (
  most: number,
): { readonly maxSize: number; readonly sizeCalculation: () => number } => ({
  maxSize: most,
  sizeCalculation: () => 1,
})
