import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// Notes which tests passed, by the requirement ids in their titles; see docs/conformance.md.
const inTest = (file: string): string => fileURLToPath(new URL(`test/${file}`, import.meta.url))
const setupFiles = [inTest('conformance/record.ts')]

// A machine that has other things to do is no failure. What is waited for is there in milliseconds elsewhere.
const patience = { testTimeout: 20_000, hookTimeout: 20_000, expect: { poll: { timeout: 10_000 } } }

// What takes long and fails seldom runs where a minute does not matter, in CI.
const everything = process.env['COUNTERSIGN_TESTS'] === 'all'

// In CI, what goes over sockets and processes is run once more before it counts as failed: one port that somebody else
// took says nothing about all the others. Which these were is printed (scripts/count.mjs), so that each is
// looked into. What is tested beside the code, but for Redis, uses neither, so it is not run again.
const across = { ...patience, retry: everything ? 1 : 0 }

// Redis that fails over or forgets, proxies, processes that are killed, memory and disks that run out, a browser that looks
// at every page, the demo, a soak: minutes of waiting, of which nothing can be left out. So does Express 4
// (test/target/start.ts), which shares its adapter with 5.
const inCiOnly = everything
  ? []
  : [
      'src/{sentinel,restoration}.test.ts',
      'src/{cluster,emptied-cluster,moving-slots}.test.ts',
      'operations/{adoption,proxies,streams}.test.ts',
      'neighbours/streams.test.ts',
      'evidence/kill.test.ts',
      'soak/soak.test.ts',
      'chaos/chaos.test.ts',
      'fuzz/fuzz.test.ts',
      'security/heavy.test.ts',
      'processes/{adoption,cold,environment,onward,outages,shutdown,stops}.test.ts',
      '{docs/{demo,examples,readme,testing},types/types}.test.ts',
      'waiting/{accessibility,browser}.test.ts',
      'target/main.test.ts',
    ]

const packages = ['agent', 'core', 'devkit', 'express', 'fastify', 'redis']

// Files of one project share a process and what they import, which is most of what they take. These do not: they replace
// modules, look at what a process has once, run processes of their own, or wait on the clock of the network.
const aloneInPackages = [
  'src/signature/components.test.ts',
  'src/signature/fast/plans.test.ts',
  'src/issuer/key-set.test.ts',
]
const alone = [
  'wire/diagnostics.test.ts',
  // Puts instrumentation into Express, and into everything that is loaded after it.
  'rules/telemetry.test.ts',
  '{processes,soak,chaos}/**/*.test.ts',
  'issuer/**/*.test.ts',
]

// Workspace packages are imported by name from their `dist`: what is tested across packages is what is shipped, and Node
// itself loads it, once a worker.
const shipped = { server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } } }

export default defineConfig({
  test: {
    passWithNoTests: true,
    // Left to itself it keeps one core free, which is half of two; and some files do nothing but wait.
    maxWorkers: availableParallelism() + 1,
    // What a file was turned into is kept until it changes: a third of the time of a second run.
    experimental: { fsModuleCache: true },
    // Failures of ours are logged without asking, and many tests make them.
    silent: 'passed-only',
    projects: [
      ...packages.map((name) => ({
        test: {
          ...(name === 'redis' ? across : patience),
          name,
          root: `packages/${name}`,
          include: ['src/**/*.test.ts'],
          exclude: [...aloneInPackages, ...inCiOnly],
          setupFiles,
          isolate: false,
        },
      })),
      {
        test: {
          ...patience,
          name: 'packages-alone',
          root: 'packages',
          include: aloneInPackages.map((file) => `*/${file}`),
          setupFiles,
        },
      },
      {
        test: {
          ...across,
          ...shipped,
          name: 'workspace',
          root: 'test',
          include: ['**/*.test.ts'],
          exclude: [
            'dist/**',
            'node_modules/**',
            'consumers/**',
            'conformance/coverage.test.ts',
            ...alone,
            ...inCiOnly,
          ],
          setupFiles,
          isolate: false,
        },
      },
      {
        test: {
          ...across,
          ...shipped,
          // Projects run in the order of their names, so what waits longest is first.
          name: 'alone',
          root: 'test',
          include: alone,
          exclude: inCiOnly,
          setupFiles,
        },
      },
      ...(everything
        ? [
            {
              // The packages packed and used by other people's tools and projects: minutes of compilers and of npm.
              test: {
                ...across,
                name: 'consumers',
                root: 'test',
                include: ['consumers/*.test.ts'],
                globalSetup: [inTest('consumers/packed.ts')],
              },
            },
          ]
        : []),
      {
        // The same requests once more, without the short cuts of the hot path; against one adapter outside CI, since the
        // short cuts are core's (test/target/start.ts).
        test: {
          ...across,
          ...shipped,
          name: 'without-shortcuts',
          root: 'test',
          include: [everything ? '{hostile,flow,wire,waiting}/**/*.test.ts' : '{hostile,flow}/**/*.test.ts'],
          exclude: ['waiting/{accessibility,browser}.test.ts', ...alone],
          setupFiles: [inTest('without-shortcuts.ts')],
          isolate: false,
        },
      },
      ...(everything
        ? [
            {
              test: {
                ...across,
                ...shipped,
                name: 'without-shortcuts-alone',
                root: 'test',
                include: ['wire/diagnostics.test.ts'],
                setupFiles: [inTest('without-shortcuts.ts')],
              },
            },
          ]
        : []),
      {
        // Judges the others, so it runs after them.
        test: {
          ...patience,
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
