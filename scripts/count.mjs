// node scripts/count.mjs REPORT — the plain count of a vitest JSON report, as the last line on stdout.
import { readFileSync } from 'node:fs'

/** @type {{ numPassedTests: number, numFailedTests: number, testResults: { status: string, assertionResults: { status: string, fullName: string, failureMessages: string[] }[] }[] }} */
const report = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'))

// A file that could not be loaded has no failed test, but is a failure.
const broken = report.testResults.filter(
  ({ status, assertionResults }) =>
    status === 'failed' && !assertionResults.some((result) => result.status === 'failed'),
)
for (const { assertionResults } of report.testResults) {
  for (const { status, fullName, failureMessages } of assertionResults) {
    if (status === 'passed' && failureMessages.length > 0)
      console.log(`passed only when it was run again: ${fullName}\n${failureMessages[0]}\n`)
  }
}
console.log(`${report.numPassedTests} passed, ${report.numFailedTests + broken.length} failed`)
