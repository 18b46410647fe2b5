export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Interpolates between neighbours. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = share * (sorted.length - 1)
  const below = sorted[Math.floor(at)] as number
  const above = sorted[Math.ceil(at)] as number
  return below + (above - below) * (at - Math.floor(at))
}

/** The slope of a line through points with outliers: the median of the slopes of all pairs (Theil and Sen). */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  return median(
    points.flatMap(([x, y], i) => points.slice(i + 1).map(([laterX, laterY]) => (laterY - y) / (laterX - x))),
  )
}

export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
