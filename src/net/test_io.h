// For the tests of this room: tasks of the real loops as futures, and certificates.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "net/io_loop.h"

namespace pabal::net {

constexpr seconds kLong{20};  // passes only where something hangs

template <typename T>
Task<void> fulfil(Task<T> task, std::shared_ptr<std::promise<T>> promise) {
  T value = co_await task;
  promise->set_value(std::move(value));
}
template <typename T>
std::future<T> run(Loop& loop, Task<T> task) {
  auto promise = std::make_shared<std::promise<T>>();
  auto future = promise->get_future();
  loop.spawn(fulfil(std::move(task), promise));
  return future;
}

// Runs `f` on the loop and waits for it.
inline void on(Loop& loop, std::function<void()> f) {
  std::promise<void> done;
  loop.post([&] {
    f();
    done.set_value();
  });
  done.get_future().wait();
}

class Folder {
 public:
  Folder() {
    std::string pattern = testing::TempDir() + "/pabal-net-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  void write(const std::string& name, const std::string& text) const { std::ofstream(file(name)) << text; }

 private:
  std::string path_;
};

// A certificate for `names` in folder/c.pem and k.pem.
inline std::shared_ptr<TlsServer> tls_in(const Folder& folder, const std::vector<std::string>& names,
                                         Time from = from_unix(1'700'000'000), days lifetime = days(3650)) {
  const auto made = make_self_signed(names, from, lifetime);
  EXPECT_TRUE(made);
  folder.write("c.pem", made->certificate_pem);
  folder.write("k.pem", made->key_pem);
  auto server = make_tls_server(folder.file("c.pem"), folder.file("k.pem"));
  EXPECT_TRUE(server) << server.error().message;
  return *server;
}
inline std::shared_ptr<TlsServer> test_tls() {
  const Folder folder;
  return tls_in(folder, {"mail.example.com", "127.0.0.1"});
}

// Streams that a listener took, kept and dropped on their loop.
class Kept {
 public:
  explicit Kept(Loop& loop) : loop_(loop) {}
  ~Kept() { drop(); }
  Network::OnStream taker() {
    return [this](std::unique_ptr<Stream> stream) { streams_.push_back(std::move(stream)); };
  }
  size_t count() {
    size_t n = 0;
    on(loop_, [&] { n = streams_.size(); });
    return n;
  }
  void wait_for(size_t n) {  // the kernel tells of a connection when it likes
    while (count() < n) std::this_thread::yield();
  }
  // Loop thread only.
  std::shared_ptr<Stream> take() {
    std::shared_ptr<Stream> stream = std::move(streams_.back());
    streams_.pop_back();
    return stream;
  }
  void drop() {
    on(loop_, [this] { streams_.clear(); });
  }

 private:
  Loop& loop_;
  std::vector<std::unique_ptr<Stream>> streams_;
};

inline Task<Result<std::shared_ptr<Stream>>> dial(Loop& loop, Network& network, Address to) {
  Task<Result<std::unique_ptr<Stream>>> connecting = network.connect(loop, to, "", loop.now() + kLong);
  Result<std::unique_ptr<Stream>> stream = co_await connecting;
  if (!stream) co_return stream.error();
  co_return std::shared_ptr<Stream>(std::move(*stream));
}
inline Task<Result<std::string>> read_some(std::shared_ptr<Stream> stream, Duration patience) {
  std::string block(65536, '\0');
  Task<Result<size_t>> reading = stream->read(block, stream->loop().now() + patience);
  const Result<size_t> got = co_await reading;
  if (!got) co_return got.error();
  block.resize(*got);
  co_return block;
}
inline Task<Result<void>> write_all(std::shared_ptr<Stream> stream, std::string text, Duration patience) {
  Task<Result<void>> writing = stream->write(text, stream->loop().now() + patience);
  co_return co_await writing;
}

}  // namespace pabal::net
