#include "extract/sandbox.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>
#include <vector>

#include "extract/extract.h"

namespace pabal::extract {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the sandbox does not know the system calls of this processor"
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitizer = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitizer = true;
#else
constexpr bool kSanitizer = false;
#endif
#else
constexpr bool kSanitizer = false;
#endif

bool limit(int what, rlim_t most) {
  const rlimit both{most, most};
  return ::setrlimit(static_cast<__rlimit_resource_t>(what), &both) == 0;
}

// A program of the kernel's filter machine: one check after the other, the first that says yes decides.
class Filter {
 public:
  Filter() {
    add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch));
    add(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0);
    add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
  }
  void allow(long call) {
    add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 1);
    add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  }
  // If of its argument number `n` the bits `mask` are `value`.
  void allow_if(long call, int n, uint32_t mask, uint32_t value) {
    add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 5);
    add(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offsetof(seccomp_data, args)) + 8 * static_cast<uint32_t>(n));
    add(BPF_ALU | BPF_AND | BPF_K, mask);
    add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
  }
  bool install() {
    add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    const sock_fprog program{static_cast<unsigned short>(lines_.size()), lines_.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
  }

 private:
  void add(uint16_t code, uint32_t k, uint8_t yes = 0, uint8_t no = 0) { lines_.push_back({code, yes, no, k}); }
  std::vector<sock_filter> lines_;
};

bool install_filter() {
  constexpr uint32_t kAll = UINT32_MAX;
  Filter filter;
  filter.allow_if(SYS_read, 0, kAll, STDIN_FILENO);
  filter.allow_if(SYS_write, 0, ~uint32_t{3}, 0);  // 0 to 3, of which 1 and 2 are open for it
  filter.allow_if(SYS_mmap, 3, MAP_ANONYMOUS, MAP_ANONYMOUS);
  filter.allow_if(SYS_mprotect, 2, PROT_EXEC, 0);
  for (const long call :
       {SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk, SYS_futex, SYS_exit, SYS_exit_group, SYS_rt_sigreturn,
        SYS_rt_sigprocmask, SYS_getrandom, SYS_clock_gettime, SYS_getpid, SYS_gettid, SYS_tgkill})
    filter.allow(call);
  return filter.install();
}

}  // namespace

bool sandbox_has_walls() { return !kSanitizer; }

Result<void> enter_sandbox() {
  const auto failed = [](const char* what) {
    return Error{Code::kInternal, std::string("the sandbox cannot be closed: ") + what};
  };
  (void)!::nice(10);
  if (::close_range(3, ~0U, 0) != 0) return failed("close_range");
  if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_CPU, kMaxCpuSeconds) || !limit(RLIMIT_FSIZE, 0))
    return failed("setrlimit");
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return failed("prctl");
  // Sanitizers need an address space without end and calls of their own: their builds test the readers, not the walls.
  if (kSanitizer) return {};
  if (!limit(RLIMIT_AS, kMaxMemory)) return failed("setrlimit");
  if (!install_filter()) return failed("seccomp");
  return {};
}

int serve_extract() {
  if (const auto done = enter_sandbox(); !done) {
    const std::string line = "pabal extract: " + done.error().message + "\n";
    (void)!::write(STDERR_FILENO, line.data(), line.size());
    return kNoSandbox;
  }
  std::string file;
  for (;;) {
    const size_t had = file.size();
    if (had > kMaxFile) return 1;
    file.resize(had + (64 << 10));
    const ssize_t got = ::read(STDIN_FILENO, file.data() + had, file.size() - had);
    if (got < 0 && errno == EINTR) {
      file.resize(had);
      continue;
    }
    if (got < 0) return 1;
    file.resize(had + static_cast<size_t>(got));
    if (got == 0) break;
  }
  const std::string text = text_of(file);
  for (size_t at = 0; at < text.size();) {
    const ssize_t put = ::write(STDOUT_FILENO, text.data() + at, text.size() - at);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return 1;
    at += static_cast<size_t>(put);
  }
  return 0;
}

}  // namespace pabal::extract
