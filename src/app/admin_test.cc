#include "app/admin.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <boost/json.hpp>
#include <future>
#include <thread>

#include "app/test_rooms.h"

namespace pabal::app {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct AdminTest : testing::Test, TestRooms {
  std::unique_ptr<net::Pool> pool = net::make_pool(2, 100);
  net::IoLoops loops{1};
  std::string path = folder / "admin.sock";
  std::unique_ptr<net::Listener> listener;

  AdminTest() {
    auto opened = serve_admin(loops, *pool, *rooms, path);
    EXPECT_TRUE(opened) << opened.error().message;
    listener = std::move(*opened);
  }
  ~AdminTest() override {
    listener.reset();
    loops.stop();
    pool.reset();
  }

  // A client of no manners: sends octets as they are; gives what came until the server closed.
  std::string raw(const std::string& octets, bool half_close = false) {
    const int fd = connect();
    size_t at = 0;
    while (at < octets.size()) {
      const ssize_t n = ::send(fd, octets.data() + at, octets.size() - at, MSG_NOSIGNAL);
      if (n <= 0) break;
      at += static_cast<size_t>(n);
    }
    if (half_close) ::shutdown(fd, SHUT_WR);
    std::string reply;
    char block[4096];
    for (ssize_t n; (n = ::read(fd, block, sizeof block)) > 0;) reply.append(block, static_cast<size_t>(n));
    ::close(fd);
    return reply;
  }
  int connect() {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  std::optional<Output> ask(const std::vector<std::string>& words, const std::string& input = "") {
    return ask_admin(path, words, input);
  }
};

TEST_F(AdminTest, CommandsGoThereAndComeBack) {
  auto done = ask({"domain", "add", "example.com", "--no-dkim"});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->exit, 0) << done->err;
  done = ask({"account", "add", "관리자@example.com", "--name", "A \"quoted\" \\ name", "--password-stdin"},
             "correct horse\n");
  EXPECT_EQ(done->exit, 0) << done->err;
  EXPECT_TRUE(rooms->directory->check_password("관리자@example.com", "correct horse"));
  done = ask({"account", "show", "관리자@example.com"});
  EXPECT_THAT(done->out, HasSubstr("name      A \"quoted\" \\ name\n"));
  done = ask({"account", "show", "nobody@example.com"});
  EXPECT_EQ(done->exit, 1);
  EXPECT_THAT(done->err, HasSubstr("pabal account list"));
  done = ask({"account", "--help"});
  EXPECT_EQ(done->exit, 0);
  EXPECT_THAT(done->out, HasSubstr("Usage: pabal account"));
  EXPECT_EQ(ask({"nonsense"})->exit, 2);
  EXPECT_EQ(ask({})->exit, 2);
}

TEST_F(AdminTest, ManyOperatorsAtOnceAreAllAnswered) {
  ASSERT_EQ(ask({"domain", "add", "example.com", "--no-dkim"})->exit, 0);
  std::vector<std::thread> operators;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i)
    operators.emplace_back([&, i] {
      for (int k = 0; k < 5; ++k)
        if (const auto done =
                ask({"alias", "add", "a" + std::to_string(i * 5 + k) + "@example.com", "x@elsewhere.net"});
            done && done->exit == 0)
          ++good;
    });
  for (auto& one : operators) one.join();
  EXPECT_EQ(good, 40);
  EXPECT_EQ(rooms->directory->aliases(*rooms->store, "")->size(), 40u);
}

TEST_F(AdminTest, TheSocketIsOpenToItsOwnerAlone) {
  struct stat about{};
  ASSERT_EQ(::stat(path.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  EXPECT_EQ(about.st_uid, ::geteuid());
  ASSERT_EQ(::stat(folder.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0700u) << "and lies in a private folder";
}

TEST_F(AdminTest, AnotherUserIsToldWhy) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  // In a process of its own, which ends as somebody else.
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0) ::_exit(3);
    const auto done = ask_admin(path, {"status"}, "");
    ::_exit(done && done->exit == 1 && done->err.find("run this as root") != std::string::npos ? 0 : 1);
  }
  int ended = 0;
  ASSERT_EQ(::waitpid(child, &ended, 0), child);
  EXPECT_EQ(WEXITSTATUS(ended), 0);
}

TEST_F(AdminTest, NobodyListeningIsNotAnError) {
  EXPECT_FALSE(ask_admin(folder / "nothing.sock", {"status"}, ""));
  EXPECT_FALSE(ask_admin(std::string(200, 'x'), {"status"}, ""));
  listener.reset();
  EXPECT_FALSE(ask({"status"}));
}

TEST_F(AdminTest, GarbageIsAnsweredAndHarmsNobody) {
  for (const std::string& line :
       {std::string("\n"), std::string("nonsense\n"), std::string("{}\n"), std::string("[]\n"),
        std::string("{\"args\": \"status\"}\n"), std::string("{\"args\": [\"account\", 5]}\n"),
        std::string("{\"args\": [\"status\"], \"input\": 3}\n"), std::string("{\"args\": [\"status\"]} trailing\n"),
        std::string("{\"args\": [\"\xFF\"]}\n"), std::string("\0\0\n", 3), std::string(1000, '[') + "\n"}) {
    const std::string reply = raw(line);
    EXPECT_THAT(reply, HasSubstr("\"exit\":2")) << line.substr(0, 60);
    boost::system::error_code failure;
    boost::json::parse(reply, failure);
    EXPECT_FALSE(failure);
  }
  EXPECT_EQ(ask({"status"})->exit, 0);
}

TEST_F(AdminTest, HalfARequestAndAnEndlessLineAreDropped) {
  EXPECT_EQ(raw("{\"args\": [\"status\"]}", true), "") << "no line end, no request";
  EXPECT_EQ(raw("", true), "");
  EXPECT_EQ(raw(std::string(2 * kMaxAdminLine, 'x')), "");
  EXPECT_EQ(ask({"status"})->exit, 0);
}

TEST_F(AdminTest, WhoSaysNothingDoesNotHoldOthersUp) {
  std::vector<int> silent;
  for (int i = 0; i < 50; ++i) {
    silent.push_back(connect());
    EXPECT_GT(::send(silent.back(), "{\"args\"", 7, MSG_NOSIGNAL), 0);
  }
  EXPECT_EQ(ask({"status"})->exit, 0);
  for (const int fd : silent) ::close(fd);
}

TEST_F(AdminTest, ACommandDoesNotRunOnALoop) {
  // The only pool thread is busy; so the command waits, and the loop does not.
  pool = nullptr;
  std::unique_ptr<net::Pool> narrow = net::make_pool(1, 100);
  auto other = serve_admin(loops, *narrow, *rooms, folder / "other.sock");
  ASSERT_TRUE(other);
  std::promise<void> release, busy;
  ASSERT_TRUE(narrow->submit([&] {
    busy.set_value();
    release.get_future().wait();
  }));
  busy.get_future().wait();
  std::optional<Output> done;
  std::thread asking([&] { done = ask_admin(folder / "other.sock", {"status"}, ""); });
  std::promise<void> turned;
  loops.loop(0).post([&] { turned.set_value(); });
  EXPECT_EQ(turned.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  release.set_value();
  asking.join();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->exit, 0) << done->err;
  other->reset();
}

TEST(ActAsOwner, RootWritesAsTheOwnerOfTheFolderAndCannotGoBack) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  TestRooms own;
  ASSERT_EQ(::chown(own.folder.c_str(), 65534, 65534), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool acted = act_as_owner_of("/nonexistent").ok() && ::geteuid() == 0 && act_as_owner_of(own.folder).ok();
    ::_exit(acted && ::geteuid() == 65534 && ::getegid() == 65534 && ::setuid(0) != 0 && ::getgroups(0, nullptr) == 0
                ? 0
                : 1);
  }
  int ended = 0;
  ASSERT_EQ(::waitpid(child, &ended, 0), child);
  EXPECT_EQ(WEXITSTATUS(ended), 0);
}

TEST(AdminRequest, IsReadStrictly) {
  const auto good = parse_admin_request(R"({"args": ["a", "b c"], "input": "x"})");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->args, (std::vector<std::string>{"a", "b c"}));
  EXPECT_EQ(good->input, "x");
  EXPECT_EQ(parse_admin_request(R"({"args": []})")->input, "");
  for (const char* bad :
       {"", "{", "{}", "[]", R"({"args": {}})", R"({"args": [null]})", R"({"args": [], "input": []})"})
    EXPECT_EQ(parse_admin_request(bad).code(), Code::kInvalid) << bad;
}

}  // namespace
}  // namespace pabal::app
