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
        // The lab is one machine with real engines: one file at a time, so that tests do not starve each other.
        test: {
          name: 'lab',
          include: [
            'test/lab/**/*.test.ts',
            'test/*/lab/**/*.test.ts',
            'test/oracle/**/*.test.ts',
            'test/e2e/**/*.test.ts',
          ],
          fileParallelism: false,
          globalSetup: 'test/e2e/build.ts',
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
})
