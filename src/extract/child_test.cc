#include "extract/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <new>

#include "extract/extract.h"
#include "extract/sandbox.h"

namespace pabal::extract {
namespace {

const std::atomic<bool> kGoOn{false};

TEST(Child, WhateverBecomesOfItTheServerGoesOn) {
  const auto sh = [](const std::string& script) { return std::vector<std::string>{"/bin/sh", "-c", script}; };
  const std::string large(3 << 20, 'x');
  EXPECT_EQ(*in_child({"/bin/cat"}, "some text", kGoOn), "some text");
  EXPECT_EQ(*in_child(sh("exec /usr/bin/wc -c"), large, kGoOn), "3145728\n");
  EXPECT_EQ(*in_child(sh("echo early"), large, kGoOn), "early\n") << "one that does not read to the end";
  EXPECT_EQ(in_child(sh("kill -9 $$"), large, kGoOn).code(), Code::kInvalid);
  EXPECT_EQ(in_child(sh("exit 3"), "x", kGoOn).code(), Code::kInvalid);
  EXPECT_EQ(in_child(sh("exit 77"), "x", kGoOn).code(), Code::kUnavailable) << "no sandbox";
  EXPECT_EQ(in_child(sh("exec /usr/bin/yes"), "x", kGoOn).code(), Code::kInvalid) << "more than it may say";
  EXPECT_EQ(in_child({"/bin/sleep", "60"}, "x", kGoOn, seconds(1)).code(), Code::kTimeout);
  EXPECT_EQ(in_child({"/bin/sleep", "60"}, "x", true).code(), Code::kClosed);
  EXPECT_EQ(in_child({"/no/such/program"}, "x", kGoOn).code(), Code::kUnavailable);
  EXPECT_EQ(in_child({"/bin/cat"}, std::string(kMaxFile + 1, 'x'), kGoOn).code(), Code::kLimit);
}

// What the kernel says of a process that does `work` in the sandbox.
template <typename Work>
int status_of(Work work) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!enter_sandbox()) ::_exit(99);
    try {
      work();
    } catch (const std::bad_alloc&) {  // the child must not go on as a test
      ::_exit(8);
    }
    ::_exit(7);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(Sandbox, LetsNothingButReadingAndWritingPass) {
  if (!sandbox_has_walls()) GTEST_SKIP() << "a build with sanitizers";
  const auto exits = [](int status) { return WIFEXITED(status) && WEXITSTATUS(status) == 7; };
  const auto killed = [](int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS; };
  EXPECT_TRUE(exits(status_of([] {})));
  EXPECT_TRUE(exits(status_of([] { std::string some(64 << 20, 'x'); })));
  EXPECT_TRUE(killed(status_of([] { ::open("/etc/passwd", O_RDONLY); })));
  EXPECT_TRUE(killed(status_of([] { ::socket(AF_INET, SOCK_STREAM, 0); })));
  EXPECT_TRUE(killed(status_of([] { ::fork(); })));
  EXPECT_TRUE(killed(status_of([] { ::execl("/bin/true", "true", nullptr); })));
  EXPECT_TRUE(killed(status_of([] { ::kill(1, 0); })));
  EXPECT_TRUE(killed(status_of([] { (void)!::read(5, nullptr, 0); }))) << "no descriptor but the three";
  const int much = status_of([] { std::string text(size_t{2} << 30, 'x'); });
  EXPECT_TRUE(WIFEXITED(much) && WEXITSTATUS(much) == 8) << "memory has a limit";
}

}  // namespace
}  // namespace pabal::extract
