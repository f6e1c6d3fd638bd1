import { defineConfig } from "vitest/config";

const conditions = ["@basalt/source", "node", "import", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: [
      "packages/*/test/**/*.test.ts",
      "apps/*/test/**/*.test.ts",
      "scripts/lib/test/**/*.test.ts",
      "infra/*/test/**/*.test.ts",
    ],
    testTimeout: 20_000,
    pool: "forks",
    coverage: { provider: "v8", include: ["packages/*/src/**", "apps/*/src/**"], reporter: ["text-summary", "html"] },
  },
});
