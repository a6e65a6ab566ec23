// room: gmail
// ./dev bench gmail [MESSAGES]: calls of the Gmail API in process, on one mailbox of 100,000 messages: from the parsed
// request to the answer's JSON, the check of the token with it, without sockets. Milliseconds; the store's cache is
// warm after the first calls of each row, as a server's is.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>

#include "api/json.h"
#include "base/random.h"
#include "gmail/gmail.h"
#include "gmail/ids.h"
#include "net/io_loop.h"
#include "store/rocksdb_store.h"
#include "web/target.h"

namespace pabal::gmail {
namespace {

using Steady = std::chrono::steady_clock;
constexpr int kRounds = 200;
constexpr std::string_view kName = "user@example.com";

void need(const Result<void>& done) {
  if (done) return;
  fmt::print(stderr, "failed: {}\n", done.error().message);
  std::exit(1);
}

// Words with the frequencies of a language: few often, many seldom.
class Author {
 public:
  std::string word() { return name(random_.below(1 + random_.below(1 + random_.below(kWords)))); }
  std::string text(size_t octets) {
    std::string out;
    for (size_t line = 0; out.size() < octets; ++line) (out += word()) += line % 12 == 11 ? ".\r\n" : " ";
    return out + "\r\n";
  }
  // The 1,000th most frequent is "w1000x".
  static std::string name(uint64_t rank) { return "w" + std::to_string(rank) + "x"; }
  uint64_t below(uint64_t n) { return random_.below(n); }

 private:
  static constexpr uint64_t kWords = 20'000;
  SeededRandom random_{5};
};

class Bench {
 public:
  explicit Bench(const std::string& folder)
      : store_(std::move(*store::open_rocksdb({.path = folder}, clock_))),
        boxes_(*store_, clock_),
        directory_(*store_, clock_, random_),
        login_(directory_, *pool_, guard_, random_),
        callers_(login_, "mail.example.com"),
        services_{*store_, boxes_, directory_, callers_, *pool_, clock_, random_, "mail.example.com", 1 << 20} {
    add_routes(router_, services_);
    identity::Domain domain;
    domain.name = "example.com";
    identity::Account account;
    account.name = kName;
    need(store_->transact_and_wait([&](store::Transaction& t) -> Result<void> {
      if (const auto added = directory_.add_domain(t, domain); !added) return added;
      const auto added = directory_.add_account(t, account, {});
      if (!added) return added.error();
      account_ = added->id;
      if (const auto made = boxes_.create_account(t, account_, 0); !made) return made;
      const auto work = boxes_.create(t, account_, "Work");
      if (!work) return work.error();
      work_ = *work;
      return {};
    }));
    token_ = directory_.make_token(account_);
    need(store_->transact_and_wait([&](store::Transaction& t) -> Result<void> {
      identity::Token about;
      about.scopes = {"https://mail.google.com/"};
      about.expires = clock_.now() + days(1);
      const auto issued = directory_.issue_token(t, account_, token_, about);
      return issued ? Result<void>() : issued.error();
    }));
  }

  // Conversations of four, one message in ten unread, in fifty starred, in twenty under a label, in a hundred with a
  // category.
  void fill(size_t messages) {
    const auto start = Steady::now();
    for (size_t n = 0; n < messages; n += 500)
      need(store_->transact_and_wait([&](store::Transaction& t) -> Result<void> {
        for (size_t i = n; i < std::min(n + 500, messages); ++i) {
          const auto prepared = mailbox::prepare(letter(i));
          const mailbox::BodyId body = boxes_.new_body_id();
          if (const auto put = boxes_.put_body(t, body, *prepared); !put) return put;
          mailbox::Filing filing;
          if (i % 10 != 0) filing.flags.system |= mailbox::kSeen;
          if (i % 50 == 0) filing.flags.system |= mailbox::kFlagged;
          if (i % 100 == 0) filing.flags.keywords.emplace_back("$category_updates");
          const auto filed = boxes_.file(t, account_, *prepared, body, filing);
          if (!filed) return filed.error();
          if (i % 20 == 0)
            if (const auto added = boxes_.add_place(t, account_, filed->message, work_); !added) return added.error();
          ids_.push_back(filed->message);
        }
        return {};
      }));
    while (*boxes_.fold(account_) > 0) continue;
    fmt::print("a mailbox of {} messages, filed and folded in {:.1f} s\n{:62}{:>9}{:>9}{:>9}\n", messages,
               std::chrono::duration<double>(Steady::now() - start).count(), "", "median", "p99", "most");
  }

  void lists() {
    row("list of 50: messages?maxResults=50");
    row("list of 50: messages?label=INBOX&maxResults=50");
    row("page 500 of INBOX", "messages?labelIds=INBOX&maxResults=50&pageToken=" + token_of_page("labelIds=INBOX", 500));
    row("list of 50: messages?labelIds=INBOX&labelIds=UNREAD&maxResults=50");
    row("list of 50: messages?labelIds=UNREAD&maxResults=50");
    row("list of 50: messages?labelIds=STARRED&maxResults=50");
    row("list of 50: messages?labelIds=CATEGORY_UPDATES&maxResults=50");
    row("list of 50: threads?labelIds=INBOX&maxResults=50");
    for (const char* q : {"is:unread", "label:work", "in:inbox newer_than:1d", "category:updates", "from:writer7",
                          "w12x w40x", "w3000x", "subject:w5x -w9x", "\"w1x w2x\"", "larger:1500 is:starred"})
      row(fmt::format("list of 50: q={}", q), "messages?maxResults=50&q=" + encoded(q));
    row("threads?q=w40x", "threads?maxResults=50&q=w40x");
    row("page 20 of threads?q=w40x",
        "threads?q=w40x&maxResults=50&pageToken=" + token_of_page("q=w40x", 20, "threads"));
  }

  void opens() {
    for (const char* format : {"minimal", "metadata", "full", "raw"})
      row(fmt::format("open: messages/ID?format={}", format),
          [&] { return "messages/" + id_text(ids_[author_.below(ids_.size())]) + "?format=" + format; });
    row("open: threads/ID?format=full", [&] {
      const auto m = boxes_.message(*store_, account_, ids_[author_.below(ids_.size())]);
      return "threads/" + id_text((*m)->thread) + "?format=full";
    });
    row("labels");
    row("labels/INBOX");
    row("profile");
    const auto figures = boxes_.figures(*store_, account_);
    row("history of the last 100", "history?startHistoryId=" + std::to_string(figures->modseq - 100));
  }

 private:
  std::string letter(size_t n) {
    const std::string root = fmt::format("<{}@example.net>", n - n % 4);
    return fmt::format(
               "From: Writer {0} <writer{0}@example.net>\r\nTo: User <{1}>\r\nSubject: {2}{3} {4}\r\nDate: Tue, 24 Nov "
               "2026 10:00:00 +0000\r\nMessage-ID: <{5}@example.net>\r\n{6}MIME-Version: 1.0\r\nContent-Type: "
               "text/plain; charset=utf-8\r\n\r\n",
               n % 50, kName, n % 4 == 0 ? "" : "Re: ", Author::name(n / 4 % 50), n / 4, n,
               n % 4 == 0 ? "" : "In-Reply-To: " + root + "\r\nReferences: " + root + "\r\n") +
           author_.text(1'200);
  }

  static std::string encoded(std::string_view text) {
    std::string out;
    for (const char c : text) out += c == ' ' ? "%20" : c == '"' ? "%22" : std::string(1, c);
    return out;
  }

  void row(const std::string& name) { row(name, name.substr(name.find(": ") == name.npos ? 0 : name.find(": ") + 2)); }
  void row(const std::string& name, const std::string& target) {
    row(name, [&] { return target; });
  }
  void row(const std::string& name, const std::function<std::string()>& target) {
    std::vector<double> took;
    for (int i = 0; i < kRounds; ++i) {
      const auto start = Steady::now();
      const std::string text = ask(target());
      took.push_back(std::chrono::duration<double, std::milli>(Steady::now() - start).count());
      if (text.starts_with("{\"error\"")) {
        fmt::print(stderr, "{}: {}\n", name, text);
        std::exit(1);
      }
    }
    std::sort(took.begin(), took.end());
    fmt::print("{:62}{:9.2f}{:9.2f}{:9.2f}\n", name, took[kRounds / 2], took[kRounds * 99 / 100], took.back());
  }

  std::string token_of_page(const std::string& asked, int pages, const std::string& what = "messages") {
    std::string token;
    for (int page = 1; page < pages; ++page) {
      const auto answer = api::parse_json(ask(what + "?" + asked + "&maxResults=50&fields=nextPageToken" +
                                              (token.empty() ? "" : "&pageToken=" + token)));
      const auto* next = answer ? api::string_member(*answer, "nextPageToken") : nullptr;
      if (!next) break;  // a small mailbox: its last page but one
      token = *next;
    }
    return token;
  }

  std::string ask(const std::string& target) {
    web::Request request;
    request.method = "GET";
    request.target = "/gmail/v1/users/me/" + target;
    auto parts = web::parse_target(request.target);
    request.path = parts->path;
    request.segments = parts->segments;
    request.query = parts->query;
    request.headers.add("Authorization", "Bearer " + token_);
    request.client = {"203.0.113.5", 999};
    request.loop = &loops_.loop(0);
    std::promise<std::string> answer;
    loops_.loop(0).spawn(handle(&router_, std::move(request), &answer));
    return answer.get_future().get();
  }
  static Task<void> handle(web::Router* router, web::Request request, std::promise<std::string>* answer) {
    Task<web::Response> handling = router->handle(std::move(request));
    web::Response response = co_await handling;
    answer->set_value(std::move(response.body));
  }

  SystemClock clock_;
  SeededRandom random_{7};
  std::unique_ptr<store::Store> store_;
  mailbox::Mailboxes boxes_;
  identity::Directory directory_;
  std::unique_ptr<net::Pool> pool_ = net::make_pool(2, 100);
  identity::LoginGuard guard_{clock_};
  identity::Login login_;
  api::Callers callers_;
  Services services_;
  web::Router router_;
  net::IoLoops loops_{1};
  identity::AccountId account_ = 0;
  mailbox::MailboxId work_ = 0;
  std::string token_;
  Author author_;
  std::vector<mailbox::MessageId> ids_;
};

}  // namespace

int run(size_t messages) {
  const std::string folder = "/var/tmp/pabal-gmail-bench." + std::to_string(getpid());
  {
    Bench bench(folder);
    bench.fill(messages);
    bench.lists();
    bench.opens();
  }
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace pabal::gmail

int main(int argc, char** argv) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  return pabal::gmail::run(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100'000);
}
