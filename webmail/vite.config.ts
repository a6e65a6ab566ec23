import { defineConfig } from "vite";
import solid from "vite-plugin-solid";

// No source maps, no inlined assets: the Content-Security-Policy takes nothing but files of this server.
export default defineConfig({
  plugins: [solid()],
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: false },
});
