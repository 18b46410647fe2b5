import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// Notes which tests passed, by the requirement ids in their titles; see docs/conformance.md.
const inTest = (file: string): string => fileURLToPath(new URL(`test/${file}`, import.meta.url))
const setupFiles = [inTest('conformance/record.ts')]

// What takes long and fails seldom runs where a minute does not matter, in CI.
const everything = process.env['COUNTERSIGN_TESTS'] === 'all'

const packages = ['core', 'devkit', 'express', 'fastify', 'redis']

// Workspace packages are imported by name from their `dist`: what is tested across packages is what is shipped.
export default defineConfig({
  test: {
    passWithNoTests: true,
    projects: [
      ...packages.map((name) => ({
        test: {
          name,
          root: `packages/${name}`,
          include: ['src/**/*.test.ts'],
          setupFiles,
        },
      })),
      {
        test: {
          name: 'workspace',
          root: 'test',
          include: ['**/*.test.ts'],
          exclude: ['dist/**', 'node_modules/**', 'consumers/**', 'conformance/coverage.test.ts'],
          setupFiles,
        },
      },
      ...(everything
        ? [
            {
              // The packages packed and used by other people's tools: a minute of compilers.
              test: {
                name: 'consumers',
                root: 'test',
                include: ['consumers/consumers.test.ts'],
              },
            },
          ]
        : []),
      {
        // The same requests once more, without the short cuts of the hot path; against one adapter outside CI, since the
        // short cuts are core's (test/target/start.ts).
        test: {
          name: 'without-shortcuts',
          root: 'test',
          include: ['{hostile,flow,wire,waiting}/**/*.test.ts'],
          exclude: ['waiting/browser.test.ts'],
          setupFiles: [inTest('without-shortcuts.ts')],
        },
      },
      {
        // Judges the others, so it runs after them.
        test: {
          name: 'conformance',
          root: 'test',
          include: ['conformance/coverage.test.ts'],
          globalSetup: [inTest('conformance/global.ts')],
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
