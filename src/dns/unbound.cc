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
#include "base/recent.h"
#include "base/text.h"
#include "dns/wire.h"

namespace pabal::dns {
namespace {

constexpr int kInternet = 1;                // the class IN
constexpr size_t kMaxOutstanding = 10'000;  // queries under way; more are put off
// Answers kept here beside libunbound's own cache, from which each costs two wake-ups and a trip to its thread and
// back: five times a signature check, and a message takes a dozen.
constexpr size_t kKeptAnswers = 4'096;
constexpr size_t kMaxKeptOctets = 4'096;  // of one; larger ones are rare
constexpr int kMaxKeptSeconds = 3'600;

// A name as libunbound reads it. RFC 1035 §3.1 allows any octet in a label, and SPF's macros make such names out of
// local parts ("bob+x=y.users.example.com"), so this is wider than host names; \DDD keeps those octets from meaning
// something.
Result<std::string> presentation(std::string_view name) {
  const Error bad{Code::kInvalid, "'" + text::printable(name, 80) + "' is not a domain name"};
  if (name.ends_with('.') && name.size() > 1) name.remove_suffix(1);
  if (name == ".") return std::string(name);
  if (name.size() > 253 || !text::is_ascii(name)) return bad;
  std::string out;
  for (const std::string_view label : text::split(name, '.')) {
    if (label.empty() || label.size() > 63) return bad;
    if (!out.empty()) out += '.';
    for (char c : label) {
      if (text::is_alnum(c) || c == '-' || c == '_') {
        out += text::lower(c);
      } else {
        const std::string number = std::to_string(static_cast<unsigned char>(c));
        out += "\\" + std::string(3 - number.size(), '0') + number;
      }
    }
  }
  return out;
}

class Unbound final : public Resolver {
 public:
  explicit Unbound(ub_ctx* context)
      : context_(context), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), thread_([this] { run(); }) {}

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
    const auto asked_name = presentation(name);
    if (!asked_name) return done(asked_name.error());
    const std::string key = *asked_name + " " + std::to_string(static_cast<int>(type));
    if (auto kept = kept_.find(key)) {
      const auto left = std::chrono::ceil<std::chrono::seconds>(kept->until - std::chrono::steady_clock::now()).count();
      if (left > 0) {
        for (Record& record : kept->answer.records) record.ttl = static_cast<uint32_t>(left);
        return done(std::move(kept->answer));
      }
    }
    Asked* asked = nullptr;  // libunbound gives the pointer back: the map's nodes do not move
    {
      std::lock_guard lock(mutex_);
      if (asked_.size() < kMaxOutstanding) {
        const uint64_t id = ++last_;
        asked = &asked_.emplace(id, Asked{this, id, key, std::move(done)}).first->second;
      }
    }
    if (!asked) return done(Error{Code::kUnavailable, "too many DNS queries are under way"});
    const uint64_t id = asked->id;  // *asked may be gone as soon as it is asked
    int async_id = 0;
    const int failed = ub_resolve_async(context_, asked_name->c_str(), static_cast<int>(type), kInternet, asked,
                                        &Unbound::answered, &async_id);
    if (failed) finish(id, Error{Code::kUnavailable, ub_strerror(failed)});
  }

 private:
  struct Asked {
    Unbound* owner;
    uint64_t id;
    std::string key;  // for kept_
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
    const Result<Answer> answer = to_answer(failed, result);
    if (answer) asked->owner->keep(asked->key, *answer, result->ttl);
    asked->owner->finish(asked->id, answer);
    if (result) ub_resolve_free(result);
  }

  // `seconds` are libunbound's: of a denial those its SOA record gives.
  void keep(const std::string& key, const Answer& answer, int seconds) {
    size_t size = answer.canonical.size();
    for (const Record& record : answer.records) size += sizeof record + record.data.size();
    if (seconds <= 0 || size > kMaxKeptOctets) return;
    kept_.put(key,
              {answer, std::chrono::steady_clock::now() + std::chrono::seconds(std::min(seconds, kMaxKeptSeconds))});
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
    if (result->bogus)
      return Error{Code::kDenied,
                   std::string("DNSSEC says the answer is forged: ") + (result->why_bogus ? result->why_bogus : "")};
    Answer answer;
    answer.secure = result->secure;
    answer.canonical =
        result->canonname ? text::lowered(result->canonname) : text::lowered(result->qname ? result->qname : "");
    while (!answer.canonical.empty() && answer.canonical.back() == '.') answer.canonical.pop_back();
    if (result->havedata) {
      answer.status = Answer::Status::kFound;
      for (int i = 0; result->data[i]; ++i) {
        auto record =
            record_from_wire(static_cast<Type>(result->qtype), {result->data[i], static_cast<size_t>(result->len[i])});
        if (!record) continue;  // one bad record does not hide the others
        record->ttl = static_cast<uint32_t>(std::max(0, result->ttl));
        answer.records.push_back(std::move(*record));
      }
      if (answer.records.empty()) return Error{Code::kUnavailable, "the DNS records are malformed"};
    } else if (result->nxdomain)
      answer.status = Answer::Status::kNxDomain;
    else if (result->rcode != 0)
      return Error{Code::kUnavailable, "the name servers answer with error " + std::to_string(result->rcode)};
    return answer;
  }

  struct Kept {
    Answer answer;
    std::chrono::steady_clock::time_point until;
  };
  Recent<Kept> kept_{kKeptAnswers};
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
  if (!options.forwarder.empty())
    failed = ub_ctx_set_fwd(context, options.forwarder.c_str());
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
