#include "app/admin.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace pabal::app {
namespace {

namespace json = boost::json;

constexpr seconds kRequestTime{30};  // for a whole request, and again for its answer
constexpr minutes kPatience{10};     // of the command line: big accounts take their time

// One request and its answer. The stream closes when this ends.
Task<void> session(std::shared_ptr<net::Stream> stream, net::Pool& pool, Rooms& rooms) {
  net::Loop& loop = stream->loop();
  const Time deadline = loop.now() + kRequestTime;
  std::string line;
  char block[4096];
  for (bool whole = false; !whole;) {
    Task<Result<size_t>> reading = stream->read(block, deadline);
    const Result<size_t> got = co_await reading;
    if (!got || *got == 0 || line.size() + *got > kMaxAdminLine) co_return;
    whole = std::memchr(block, '\n', *got) != nullptr;
    line.append(block, *got);
  }
  std::function<Result<Output>()> work = [&rooms, line]() -> Result<Output> {
    const auto request = parse_admin_request(line);
    return request ? run_command(rooms, request->args, request->input) : Output{2, "", request.error().message + "\n"};
  };
  Task<Result<Output>> working = net::run_on<Output>(pool, loop, work);
  Result<Output> done = co_await working;
  Output output = done ? std::move(*done) : Output{1, "", done.error().message + "\n"};
  const std::string reply =
      json::serialize(json::object{{"exit", output.exit}, {"out", output.out}, {"err", output.err}}) + "\n";
  Task<Result<void>> writing = stream->write(reply, loop.now() + kRequestTime);
  if (const Result<void> written = co_await writing; !written)
    log::debug("app", "an operator did not wait for the answer: " + written.error().message);
  stream->close();
}

Output broken(const std::string& path) {
  return {1, "", "the server at " + path + " closed the connection without an answer; its log says why\n"};
}

}  // namespace

Result<AdminRequest> parse_admin_request(std::string_view line) {
  const Error bad{Code::kInvalid,
                  "the request is not of this program's form; are the server and this program of one version?"};
  boost::system::error_code failure;
  const json::value request = json::parse(line, failure);
  const json::object* object = failure ? nullptr : request.if_object();
  const json::value* list = object ? object->if_contains("args") : nullptr;
  const json::value* input = object ? object->if_contains("input") : nullptr;
  if (!list || !list->is_array() || (input && !input->is_string())) return bad;
  AdminRequest out;
  for (const json::value& word : list->get_array()) {
    if (!word.is_string()) return bad;
    out.args.emplace_back(word.get_string());
  }
  if (input) out.input = input->get_string();
  return out;
}

Result<std::unique_ptr<net::Listener>> serve_admin(net::IoLoops& loops, net::Pool& pool, Rooms& rooms,
                                                   std::string path) {
  return net::listen_unix(loops, std::move(path), [&pool, &rooms](std::unique_ptr<net::Stream> stream) {
    std::shared_ptr<net::Stream> shared = std::move(stream);
    shared->loop().spawn(session(shared, pool, rooms));
  });
}

std::optional<Output> ask_admin(const std::string& path, const std::vector<std::string>& args,
                                const std::string& input) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return {};
  path.copy(address.sun_path, path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return {};
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    const int why = errno;
    ::close(fd);
    if (why != EACCES && why != EPERM) return {};
    return Output{
        1, "", "may not talk to the server at " + path + ": run this as root or as the user that the server runs as\n"};
  }
  const timeval patience{std::chrono::seconds(kPatience).count(), 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  json::array words;
  for (const std::string& arg : args) words.emplace_back(arg);
  const std::string request = json::serialize(json::object{{"args", words}, {"input", input}}) + "\n";
  std::string reply;
  bool sent = true;
  for (size_t at = 0; at < request.size();) {
    const ssize_t n = ::send(fd, request.data() + at, request.size() - at, MSG_NOSIGNAL);
    if (n <= 0) {
      sent = false;
      break;
    }
    at += static_cast<size_t>(n);
  }
  char block[65536];
  for (ssize_t n; sent && (n = ::read(fd, block, sizeof block)) > 0;) reply.append(block, static_cast<size_t>(n));
  ::close(fd);

  boost::system::error_code failure;
  const json::value parsed = json::parse(reply, failure);
  if (failure || !parsed.is_object()) return broken(path);
  const json::object& object = parsed.get_object();
  const auto text = [&](const char* key) {
    const json::value* v = object.if_contains(key);
    return v && v->is_string() ? std::string(v->get_string()) : std::string();
  };
  const json::value* code = object.if_contains("exit");
  return Output{code && code->is_int64() ? static_cast<int>(code->get_int64()) : 1, text("out"), text("err")};
}

Result<void> act_as_owner_of(const std::string& folder) {
  struct stat about{};
  if (::geteuid() != 0 || ::stat(folder.c_str(), &about) != 0 || about.st_uid == 0) return {};
  if (::setgroups(0, nullptr) != 0 || ::setresgid(about.st_gid, about.st_gid, about.st_gid) != 0 ||
      ::setresuid(about.st_uid, about.st_uid, about.st_uid) != 0)
    return Error{Code::kDenied, "cannot act as the owner of " + folder};
  return {};
}

}  // namespace pabal::app
