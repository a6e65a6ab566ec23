#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unbound.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "base/text.h"
#include "dns/resolver.h"

namespace pabal::dns {
namespace {

constexpr size_t kMaxOutstanding = 10'000;  // queries under way; more are put off

// A domain name in wire form at `at`; empty and `at` past the end when it is malformed.
std::string read_name(std::string_view wire, size_t at) {
  std::string out;
  while (at < wire.size()) {
    const size_t length = static_cast<unsigned char>(wire[at++]);
    if (length == 0) return text::lowered(out);
    if (length > 63 || at + length > wire.size()) return {};
    if (!out.empty()) out += '.';
    out += wire.substr(at, length);
    at += length;
  }
  return {};
}

std::string ip_text(std::string_view raw) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(raw.size() == 4 ? AF_INET : AF_INET6, raw.data(), text, sizeof text);
  return text;
}

Result<Record> to_record(Type type, std::string_view raw) {
  Record record;
  record.type = type;
  const Error bad{Code::kUnavailable, "a DNS record is malformed"};
  switch (type) {
    case Type::kA: case Type::kAaaa:
      if (raw.size() != (type == Type::kA ? 4u : 16u)) return bad;
      record.data = ip_text(raw);
      break;
    case Type::kMx:
      if (raw.size() < 3) return bad;
      record.preference = static_cast<uint16_t>(static_cast<unsigned char>(raw[0]) << 8 | static_cast<unsigned char>(raw[1]));
      record.data = read_name(raw, 2);
      break;
    case Type::kNs: case Type::kCname: case Type::kPtr: record.data = read_name(raw, 0); break;
    case Type::kTxt:
      while (!raw.empty()) {
        const size_t length = static_cast<unsigned char>(raw[0]);
        if (length + 1 > raw.size()) return bad;
        record.data += raw.substr(1, length);
        raw.remove_prefix(length + 1);
      }
      break;
    case Type::kTlsa: case Type::kCaa: record.data = raw; break;
  }
  return record;
}

class Unbound final : public Resolver {
 public:
  explicit Unbound(ub_ctx* context) : context_(context), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), thread_([this] { run(); }) {}

  ~Unbound() override {
    stopping_ = true;
    eventfd_write(wake_, 1);
    thread_.join();
    std::map<uint64_t, Asked> left;
    {
      std::lock_guard lock(mutex_);
      left.swap(asked_);
    }
    ub_ctx_delete(context_);
    ::close(wake_);
    for (auto& [id, asked] : left) asked.done(Error{Code::kUnavailable, "the resolver is stopping"});
  }

  void query(std::string name, Type type, Callback done) override {
    const auto ascii = name == "." ? Result<std::string>(std::string(".")) : to_ascii(name);
    if (!ascii) return done(ascii.error());
    uint64_t id = 0;
    {
      std::lock_guard lock(mutex_);
      if (asked_.size() < kMaxOutstanding) {
        id = ++last_;
        asked_.emplace(id, Asked{this, id, std::move(done)});
      }
    }
    if (id == 0) return done(Error{Code::kUnavailable, "too many DNS queries are under way"});
    int async_id = 0;
    // libunbound's thread reads the pointer back: the map's nodes do not move.
    Asked* asked;
    {
      std::lock_guard lock(mutex_);
      asked = &asked_.at(id);
    }
    const int failed = ub_resolve_async(context_, ascii->c_str(), static_cast<int>(type), 1, asked, &Unbound::answered, &async_id);
    if (failed) finish(id, Error{Code::kUnavailable, ub_strerror(failed)});
  }

 private:
  struct Asked {
    Unbound* owner;
    uint64_t id;
    Callback done;
  };

  void run() {
    while (!stopping_) {
      pollfd waits[] = {{ub_fd(context_), POLLIN, 0}, {wake_, POLLIN, 0}};
      ::poll(waits, 2, -1);
      if (waits[0].revents) ub_process(context_);
    }
  }

  static void answered(void* data, int failed, ub_result* result) {
    auto* asked = static_cast<Asked*>(data);
    asked->owner->finish(asked->id, to_answer(failed, result));
    if (result) ub_resolve_free(result);
  }

  void finish(uint64_t id, Result<Answer> answer) {
    Callback done;
    {
      std::lock_guard lock(mutex_);
      const auto found = asked_.find(id);
      if (found == asked_.end()) return;
      done = std::move(found->second.done);
      asked_.erase(found);
    }
    done(std::move(answer));
  }

  static Result<Answer> to_answer(int failed, const ub_result* result) {
    if (failed || !result) return Error{Code::kUnavailable, failed ? ub_strerror(failed) : "no answer"};
    if (result->bogus) return Error{Code::kDenied, std::string("DNSSEC says the answer is forged: ") + (result->why_bogus ? result->why_bogus : "")};
    Answer answer;
    answer.secure = result->secure;
    answer.canonical = result->canonname ? text::lowered(result->canonname) : text::lowered(result->qname ? result->qname : "");
    while (!answer.canonical.empty() && answer.canonical.back() == '.') answer.canonical.pop_back();
    if (result->havedata) {
      answer.status = Answer::Status::kFound;
      for (int i = 0; result->data[i]; ++i) {
        auto record = to_record(static_cast<Type>(result->qtype), {result->data[i], static_cast<size_t>(result->len[i])});
        if (!record) return record.error();
        record->ttl = static_cast<uint32_t>(std::max(0, result->ttl));
        answer.records.push_back(std::move(*record));
      }
    } else if (result->nxdomain) answer.status = Answer::Status::kNxDomain;
    else if (result->rcode != 0) return Error{Code::kUnavailable, "the name servers answer with error " + std::to_string(result->rcode)};
    return answer;
  }

  ub_ctx* context_;
  const int wake_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::map<uint64_t, Asked> asked_;
  uint64_t last_ = 0;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Resolver>> make_unbound(UnboundOptions options) {
  ub_ctx* context = ub_ctx_create();
  if (!context) return Error{Code::kInternal, "cannot start the resolver: out of memory"};
  ub_ctx_async(context, 1);  // a thread, not a process
  ub_ctx_set_option(context, "msg-cache-size:", "2m");
  ub_ctx_set_option(context, "rrset-cache-size:", "4m");
  int failed = 0;
  if (!options.forwarder.empty()) failed = ub_ctx_set_fwd(context, options.forwarder.c_str());
  else if (!options.resolv_conf.empty() && std::filesystem::exists(options.resolv_conf))
    failed = ub_ctx_resolvconf(context, options.resolv_conf.c_str());
  // 127.0.0.1 as forwarder (tests, a local resolver) is refused unless told otherwise.
  ub_ctx_set_option(context, "do-not-query-localhost:", "no");
  if (!failed && !options.trust_anchor_file.empty() && std::filesystem::exists(options.trust_anchor_file))
    failed = ub_ctx_add_ta_file(context, options.trust_anchor_file.c_str());
  if (failed) {
    ub_ctx_delete(context);
    return Error{Code::kInvalid, std::string("cannot set up the resolver: ") + ub_strerror(failed)};
  }
  return std::unique_ptr<Resolver>(std::make_unique<Unbound>(context));
}

}  // namespace pabal::dns
