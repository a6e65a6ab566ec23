#include "app/admin.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "base/log.h"

namespace pabal::app {
namespace {

namespace json = boost::json;

constexpr seconds kRequestTime{30};

Output answer(Rooms& rooms, const std::string& line) {
  boost::system::error_code failure;
  const json::value request = json::parse(line, failure);
  const json::object* object = failure ? nullptr : request.if_object();
  const json::value* list = object ? object->if_contains("args") : nullptr;
  if (!list || !list->is_array()) return {2, "", "the request is not of this program's form\n"};
  std::vector<std::string> args;
  for (const json::value& word : list->get_array())
    if (const json::string* s = word.if_string()) args.emplace_back(*s);
  std::string input;
  if (const json::value* given = object->if_contains("input"); given && given->is_string()) input = given->get_string();
  return run_command(rooms, args, input);
}

Task<void> session(std::shared_ptr<net::Stream> stream, net::Pool& pool, Rooms& rooms) {
  net::Loop& loop = stream->loop();
  std::string line;
  char block[4096];
  while (line.find('\n') == line.npos) {
    if (line.size() > kMaxAdminLine) co_return;
    Task<Result<size_t>> reading = stream->read(block, loop.now() + kRequestTime);
    const Result<size_t> got = co_await reading;
    if (!got || *got == 0) co_return;
    line.append(block, *got);
  }
  std::function<Result<Output>()> work = [&rooms, line]() -> Result<Output> { return answer(rooms, line); };
  Task<Result<Output>> working = net::run_on<Output>(pool, loop, work);
  Result<Output> done = co_await working;
  Output output = done ? std::move(*done) : Output{1, "", done.error().message + "\n"};
  const std::string reply = json::serialize(json::object{{"exit", output.exit}, {"out", output.out}, {"err", output.err}}) + "\n";
  Task<Result<void>> writing = stream->write(reply, loop.now() + kRequestTime);
  co_await writing;
  stream->close();
}

}  // namespace

Result<std::unique_ptr<net::Listener>> serve_admin(net::IoLoops& loops, net::Pool& pool, Rooms& rooms, std::string path) {
  return net::listen_unix(loops, std::move(path), [&pool, &rooms](std::unique_ptr<net::Stream> stream) {
    std::shared_ptr<net::Stream> shared = std::move(stream);
    shared->loop().spawn(session(shared, pool, rooms));
  });
}

std::optional<Output> ask_admin(const std::string& path, const std::vector<std::string>& args, const std::string& input) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return {};
  path.copy(address.sun_path, path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return {};
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    return {};
  }
  json::array words;
  for (const std::string& arg : args) words.emplace_back(arg);
  const std::string request = json::serialize(json::object{{"args", words}, {"input", input}}) + "\n";
  std::string reply;
  bool sent = true;
  for (size_t at = 0; at < request.size();) {
    const ssize_t n = ::send(fd, request.data() + at, request.size() - at, MSG_NOSIGNAL);
    if (n <= 0) { sent = false; break; }
    at += static_cast<size_t>(n);
  }
  char block[65536];
  for (ssize_t n; sent && (n = ::read(fd, block, sizeof block)) > 0;) reply.append(block, static_cast<size_t>(n));
  ::close(fd);

  boost::system::error_code failure;
  const json::value parsed = json::parse(reply, failure);
  if (failure || !parsed.is_object())
    return Output{1, "", "the server at " + path + " closed the connection without an answer; its log says why\n"};
  const json::object& object = parsed.get_object();
  const auto text = [&](const char* key) {
    const json::value* v = object.if_contains(key);
    return v && v->is_string() ? std::string(v->get_string()) : std::string();
  };
  const json::value* code = object.if_contains("exit");
  return Output{code && code->is_int64() ? static_cast<int>(code->get_int64()) : 1, text("out"), text("err")};
}

}  // namespace pabal::app
