// Bundles the page into dist, or its tests into build: node build.mjs [test].
import { build } from "esbuild";
import { copyFileSync, readdirSync } from "node:fs";

const tests = readdirSync("test").filter((name) => name.endsWith(".test.ts")).map((name) => `test/${name}`);
const common = { bundle: true, target: "es2023", jsx: "automatic", jsxImportSource: "preact", logLevel: "warning" };

if (process.argv[2] === "test") {
  await build({ ...common, entryPoints: tests, outdir: "build", platform: "node", format: "esm", outExtension: { ".js": ".mjs" } });
} else {
  await build({ ...common, entryPoints: { app: "src/main.tsx" }, outdir: "dist", format: "esm", minify: true, legalComments: "eof" });
  for (const name of ["index.html", "icon.svg"]) copyFileSync(`src/${name}`, `dist/${name}`);
}
