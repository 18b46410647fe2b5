import { clearRecords } from './records.js'

/** Before the first test of a run that ends with the coverage check. */
export default function setup(): void {
  clearRecords()
}
