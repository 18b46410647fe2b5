// node scripts/count.mjs REPORT — the plain count of a vitest JSON report, as one line on stdout.
import { readFileSync } from 'node:fs'

/** @type {{ numPassedTests: number, numFailedTests: number, testResults: { status: string, assertionResults: { status: string }[] }[] }} */
const report = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'))

// A file that did not even load has no failed test of its own, and still is a failure.
const broken = report.testResults.filter(
  ({ status, assertionResults }) =>
    status === 'failed' && !assertionResults.some((result) => result.status === 'failed'),
)
console.log(`${report.numPassedTests} passed, ${report.numFailedTests + broken.length} failed`)
