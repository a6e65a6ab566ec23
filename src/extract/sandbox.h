// The side of the child: this process gives up all but reading its input and writing its output, then reads a file that
// may have been made to break its reader. What the kernel then lets it do: read descriptor 0, write 1 and 2, ask for
// memory within a limit, end. Any other call ends it (seccomp).
#pragma once

#include "base/result.h"

namespace pabal::extract {

constexpr uint64_t kMaxMemory = uint64_t{1} << 30;  // octets of address space
constexpr unsigned kMaxCpuSeconds = 20;

Result<void> enter_sandbox();
bool sandbox_has_walls();  // false in builds with sanitizers, which need calls and memory without limit

constexpr int kNoSandbox = 77;  // exit code: this system does not give the child its sandbox, so it reads nothing

// `pabal extract`: the file from standard input, its text to standard output. The exit code; 0: done.
int serve_extract();

}  // namespace pabal::extract
