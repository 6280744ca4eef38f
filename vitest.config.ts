import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'json-summary'],
      reportOnFailure: true,
    },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/lab/**', 'test/e2e/**', 'test/*/lab/**', 'test/oracle/**'],
          // A machine that is busy with something else is slow, not broken.
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        // Real engines mostly wait, so two files fit on a small machine; more would starve each other.
        test: {
          name: 'lab',
          include: [
            'test/lab/**/*.test.ts',
            'test/*/lab/**/*.test.ts',
            'test/oracle/**/*.test.ts',
            'test/e2e/**/*.test.ts',
          ],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          globalSetup: 'test/e2e/build.ts',
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
})
