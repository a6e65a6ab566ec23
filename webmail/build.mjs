// Builds the web mail into FOLDER and writes FOLDER/files.cc, which carries its files within the program:
//   node build.mjs FOLDER
// Run by CMake when a source is newer; installs the packages that package-lock.json names when they are not there.
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";

const MAX_FIRST_LOAD = 150 * 1000; // octets of compressed script that a first visit loads
const here = dirname(fileURLToPath(import.meta.url));
const folder = resolve(process.argv[2] ?? "dist");

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 18 || (major === 18 && minor < 20)) fail(`the web mail is built with node 18.20 or newer; this is ${process.version}`);

function fail(why) {
  console.error(`webmail: ${why}`);
  process.exit(1);
}

function run(program, args) {
  try {
    execFileSync(program, args, { cwd: here, stdio: ["ignore", "pipe", "pipe"] });
  } catch (fault) {
    fail(`${program} ${args.join(" ")} failed; does ./dev setup help?\n${fault.stdout ?? ""}${fault.stderr ?? fault.message}`);
  }
}

const installed = join(here, "node_modules/.package-lock.json");
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(join(here, "package-lock.json")).mtimeMs)
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
const made = join(folder, "dist");
run("node_modules/.bin/tsc", ["--noEmit"]);
run("node_modules/.bin/vite", ["build", "--outDir", made, "--emptyOutDir", "--logLevel", "warn"]);

const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/manifest+json",
};

function files(under) {
  return readdirSync(under, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

// Octets as a C++ string literal; three octal digits, so that no digit behind them is taken for theirs.
function literal(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 64)
    lines.push('"' + [...bytes.subarray(at, at + 64)].map((byte) => "\\" + byte.toString(8).padStart(3, "0")).join("") + '"');
  return lines.length ? lines.join("\n") : '""';
}

function compressed(bytes) {
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
}

const entries = [];
const sizes = new Map();
for (const path of files(made)) {
  const name = path.slice(made.length);
  const type = types[extname(path)];
  if (!type) fail(`${name}: no media type is known for it; name one in build.mjs`);
  const plain = readFileSync(path);
  const brotli = compressed(plain);
  sizes.set(name, brotli.length);
  const tag = createHash("sha256").update(plain).digest("base64url").slice(0, 22);
  entries.push(
    `    {"${name}", "${type}", "${tag}", std::string_view(${literal(plain)}, ${plain.length}),\n` +
      `     std::string_view(${literal(brotli)}, ${brotli.length})},`,
  );
}

// What index.html itself asks for; chunks that wait for their feature are not first load.
const index = readFileSync(join(made, "index.html"), "utf8");
let first = 0;
for (const [name, size] of sizes) if (name.endsWith(".js") && index.includes(name)) first += size;
if (first > MAX_FIRST_LOAD) fail(`the first load is ${first} octets of compressed script; at most ${MAX_FIRST_LOAD}`);
console.log(`web mail: ${first} octets of compressed script at first`);

mkdirSync(folder, { recursive: true });
writeFileSync(
  join(folder, "files.cc"),
  `// Made by webmail/build.mjs.\n#include "app/webmail_files.h"\n\nnamespace pabal::app {\n\nstd::span<const WebmailFile> webmail_files() {\n` +
    `  static const WebmailFile files[] = {\n${entries.join("\n")}\n  };\n  return files;\n}\n\n}  // namespace pabal::app\n`,
);
