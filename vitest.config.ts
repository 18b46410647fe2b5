import { defineConfig } from 'vitest/config'

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
        },
      })),
      {
        test: {
          name: 'workspace',
          root: 'test',
          include: ['**/*.test.ts'],
          exclude: ['dist/**', 'node_modules/**'],
        },
      },
    ],
  },
})
