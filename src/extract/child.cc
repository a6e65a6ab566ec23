#include "extract/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "extract/extract.h"
#include "extract/sandbox.h"

namespace pabal::extract {
namespace {

using Steady = std::chrono::steady_clock;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

// Its standard input is a socket, for a socket's writer is not ended by a reader that went away.
Result<pid_t> start(const std::vector<std::string>& command, int in, int out) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  char* environment[] = {nullptr};
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, words[0], &actions, &attributes, words.data(), environment);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (failed) return Error{Code::kUnavailable, "the program that reads attached files could not be started"};
  return child;
}

}  // namespace

Result<std::string> in_child(const std::vector<std::string>& command, std::string_view file,
                             const std::atomic<bool>& stop, seconds wait) {
  if (file.size() > kMaxFile) return Error{Code::kLimit, "the file is too large to be read"};
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return Error{Code::kUnavailable, "no more sockets"};
  Descriptor ours(pair[0]), its(pair[1]);
  if (::pipe2(pair, O_CLOEXEC) != 0) return Error{Code::kUnavailable, "no more pipes"};
  Descriptor from(pair[0]), its_out(pair[1]);
  const auto child = start(command, its.get(), its_out.get());
  if (!child) return child.error();
  its.close();
  its_out.close();

  std::string text;
  const auto end = Steady::now() + wait;
  Code failure = Code::kInvalid;
  bool done = false;
  while (!done) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Steady::now()).count();
    if (left <= 0 || stop) {
      failure = stop ? Code::kClosed : Code::kTimeout;
      break;
    }
    std::array<pollfd, 2> both{pollfd{from.get(), POLLIN, 0}, pollfd{ours.get(), POLLOUT, 0}};
    const int ready = ::poll(both.data(), ours.get() >= 0 ? 2 : 1, static_cast<int>(std::min<int64_t>(left, 200)));
    if (ready < 0 && errno != EINTR) break;
    if (ready <= 0) continue;
    if (ours.get() >= 0 && both[1].revents != 0) {
      const ssize_t sent = ::send(ours.get(), file.data(), file.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) file.remove_prefix(static_cast<size_t>(sent));
      if (file.empty() || (sent < 0 && errno != EAGAIN && errno != EINTR)) ours.close();
    }
    if (both[0].revents != 0) {
      std::array<char, 64 << 10> some;
      const ssize_t got = ::read(from.get(), some.data(), some.size());
      if (got > 0) text.append(some.data(), static_cast<size_t>(got));
      done = got == 0;
      if (text.size() > kMaxText) break;
    }
  }
  if (!done) ::kill(*child, SIGKILL);
  int status = 0;
  while (::waitpid(*child, &status, 0) < 0 && errno == EINTR) continue;
  if (!done) return Error{failure, "the text of an attached file was given up"};
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNoSandbox)
    return Error{Code::kUnavailable, "this system gives no sandbox (seccomp) to the process that reads attached files"};
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return Error{Code::kInvalid, "an attached file could not be read; it is damaged"};
  return text;
}

}  // namespace pabal::extract
