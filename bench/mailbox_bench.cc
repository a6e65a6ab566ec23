// room: mailbox
// ./dev bench mailbox [MESSAGES]: what the mail model costs without any protocol: making messages ready, durable
// deliveries into one and into many accounts, opening a mailbox of 100,000 messages, search before and after the fold.
// Figures of one run on one machine: compare the rows of one run, and runs before and after a change.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "base/random.h"
#include "base/text.h"
#include "mailbox/mailbox.h"
#include "mailbox/query.h"
#include "mailbox/search.h"
#include "store/rocksdb_store.h"

namespace pabal::mailbox {
namespace {

using Steady = std::chrono::steady_clock;
constexpr size_t kSessions = 32;

double seconds_since(Steady::time_point start) { return std::chrono::duration<double>(Steady::now() - start).count(); }
double thread_cpu_seconds() {  // other work on the machine does not count
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}
double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto s = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return s(usage.ru_utime) + s(usage.ru_stime);
}
double resident_mib() {
  std::ifstream statm("/proc/self/statm");
  double total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

// Text with the word frequencies of a language: few words often, many seldom.
class Author {
 public:
  explicit Author(uint64_t seed) : random_(seed) {
    for (int i = 0; i < 20'000; ++i) {
      std::string word;
      for (uint64_t syllables = 1 + random_.below(4); syllables > 0; --syllables) {
        word += "bcdfghklmnprstvw"[random_.below(16)];
        word += "aeiou"[random_.below(5)];
        if (random_.below(3) == 0) word += "nrst"[random_.below(4)];
      }
      latin_.push_back(word);
      std::string hangul;
      for (uint64_t syllables = 1 + random_.below(4); syllables > 0; --syllables)
        put(hangul, static_cast<uint32_t>(0xAC00 + random_.below(2'000) * 5));
      hangul_.push_back(hangul);
    }
  }
  std::string text(const std::vector<std::string>& words, size_t octets) {
    std::string out;
    for (size_t line = 0; out.size() < octets;) {
      const std::string& word = words[random_.below(1 + random_.below(1 + random_.below(words.size())))];
      if (line + word.size() > 72) {
        out += ".\r\n";
        line = 0;
      }
      out += word + ' ';
      line += word.size() + 1;
    }
    return out + "\r\n";
  }
  std::string english(size_t octets) { return text(latin_, octets); }
  std::string korean(size_t octets) { return text(hangul_, octets); }

 private:
  static void put(std::string& out, uint32_t c) {
    ((out += static_cast<char>(0xE0 | c >> 12)) += static_cast<char>(0x80 | (c >> 6 & 63))) +=
        static_cast<char>(0x80 | (c & 63));
  }
  SeededRandom random_;
  std::vector<std::string> latin_, hangul_;
};

std::string head(size_t n, std::string_view subject) {
  return fmt::format(
      "Received: from mail.example.net (mail.example.net [192.0.2.7])\r\n\tby mx.example.com with ESMTPS id "
      "{0}\r\n\tfor <user@example.com>; "
      "Tue, 24 Nov 2026 10:00:00 +0000\r\nDKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.net; "
      "s=s1;\r\n\th=from:to:subject; "
      "bh=47DEQpj8HBSa+/"
      "TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n\tb=dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSbav+yuU4zGeeruD00lszZVoG4ZHRNiYzR\r\n"
      "From: Bench Writer {1} <writer{1}@example.net>\r\nTo: User <user@example.com>\r\nSubject: {2}\r\nDate: Tue, 24 "
      "Nov 2026 10:00:00 +0000\r\n"
      "Message-ID: <{0}@example.net>\r\nMIME-Version: 1.0\r\n",
      n, n % 50, subject);
}

std::string plain(Author& author, size_t n, size_t octets = 7'400) {
  return head(n, "bench " + author.english(20).substr(0, 20)) + "Content-Type: text/plain; charset=us-ascii\r\n\r\n" +
         author.english(octets);
}

std::string folded_base64(std::string_view bytes) {
  std::string out;
  const std::string all = text::base64(bytes);
  for (size_t i = 0; i < all.size(); i += 76) out += all.substr(i, 76) + "\r\n";
  return out;
}

void bench_prepare(Author& author) {
  struct Kind {
    std::string_view name;
    std::vector<std::string> messages;
  };
  std::vector<Kind> kinds = {{"English, 7bit", {}},
                             {"English + HTML alternative", {}},
                             {"English with a curly quote", {}},
                             {"Korean, base64", {}},
                             {"attachment, base64", {}}};
  SeededRandom random(3);
  for (size_t n = 0; n < 50; ++n) {
    const std::string_view utf8 = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: ";
    kinds[0].messages.push_back(plain(author, n));
    kinds[1].messages.push_back(
        head(n, "bench") +
        "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n" +
        author.english(3'000) + "--b\r\nContent-Type: text/html\r\n\r\n<html><body><p>" + author.english(4'000) +
        "</p></body></html>\r\n--b--\r\n");
    kinds[2].messages.push_back(head(n, "bench") + std::string(utf8) +
                                "8bit\r\n\r\nIt\xE2\x80\x99s here: " + author.english(7'400));
    kinds[3].messages.push_back(head(n, "bench") + std::string(utf8) + "base64\r\n\r\n" +
                                folded_base64(author.korean(5'400)));
    kinds[4].messages.push_back(head(n, "bench") + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" +
                                author.english(400) +
                                "--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: "
                                "base64\r\nContent-Disposition: attachment; filename=a.bin\r\n\r\n" +
                                folded_base64(random.bytes(5'000)) + "--b--\r\n");
  }
  fmt::print("prepare(), microseconds of CPU a message of 8 KiB\n{:28}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}\n", "",
             "all", "parse", "encode", "preview", "words", "rest", "list KiB", "body KiB");
  for (const Kind& kind : kinds) {
    double parse = 0, encode = 0, preview = 0, words = 0, all = 0;
    size_t list = 0, body = 0, runs = 0;
    const auto timed = [](double& sum, const auto& work) {
      const double start = thread_cpu_seconds();
      work();
      sum += thread_cpu_seconds() - start;
    };
    for (int round = 0; round < 10; ++round)
      for (const std::string& bytes : kind.messages) {
        message::Message m;
        std::shared_ptr<const Prepared> prepared;
        timed(parse, [&] { m = message::parse(bytes); });
        timed(encode, [&] { (void)message::encode(m); });
        timed(preview, [&] { (void)message::preview(bytes, m); });
        timed(words, [&] { (void)word_list(bytes, m); });
        timed(all, [&] { prepared = prepare(bytes); });
        list += prepared->words.size();
        body += prepared->stored.size() + prepared->stored_rest.size();
        ++runs;
      }
    const double per = 1e6 / static_cast<double>(runs);
    fmt::print("{:28}{:9.1f}{:9.1f}{:9.1f}{:9.1f}{:9.1f}{:9.1f}{:9.2f}{:9.2f}\n", kind.name, all * per, parse * per,
               encode * per, preview * per, words * per, (all - parse - encode - preview - words) * per,
               static_cast<double>(list) / static_cast<double>(runs) / 1024,
               static_cast<double>(body) / static_cast<double>(runs) / 1024);
  }
}

class Bench {
 public:
  explicit Bench(const std::string& folder)
      : store_(std::move(*store::open_rocksdb({.path = folder}, clock_))), boxes_(*store_, clock_) {}

  void accounts(AccountId first, AccountId count) {
    for (AccountId a = first; a < first + count; ++a)
      need(store_->transact_and_wait([&](store::Transaction& t) { return boxes_.create_account(t, a, 0); }));
  }

  // kSessions deliveries wait for their sync at any time, as so many SMTP sessions would.
  void deliver(std::string_view name, const std::vector<std::shared_ptr<const Prepared>>& pool, size_t messages,
               AccountId first, AccountId count) {
    const auto before = store_->figures();
    const double cpu = cpu_seconds();
    const auto start = Steady::now();
    double inside = 0;  // seconds in file() and put_body(), on the committer's thread
    std::mutex mutex;
    std::condition_variable wake;
    size_t waiting = 0;
    for (size_t n = 0; n < messages; ++n) {
      std::unique_lock lock(mutex);
      wake.wait(lock, [&] { return waiting < kSessions; });
      ++waiting;
      lock.unlock();
      const auto& prepared = pool[n % pool.size()];
      store_->transact(
          [&, prepared, account = static_cast<AccountId>(first + n % count),
           body = boxes_.new_body_id()](store::Transaction& t) -> Result<void> {
            const double began = thread_cpu_seconds();
            if (const auto put = boxes_.put_body(t, body, *prepared); !put) return put;
            Filing filing;
            filing.prefix = "Return-Path: <writer@example.net>\r\nDelivered-To: user@example.com\r\n";
            const auto filed = boxes_.file(t, account, *prepared, body, filing);
            inside += thread_cpu_seconds() - began;
            return filed ? Result<void>() : filed.error();
          },
          [&](Result<void> done) {
            need(done);
            std::lock_guard guard(mutex);
            --waiting;
            wake.notify_one();
          });
    }
    std::unique_lock lock(mutex);
    wake.wait(lock, [&] { return waiting == 0; });
    const double took = seconds_since(start), each = 1e6 / static_cast<double>(messages);
    const auto after = store_->figures();
    fmt::print(
        "{:34}{:9.0f}/s{:9.1f} us CPU a message, of it {:6.1f} in file(); {:4.1f} a sync, {:5.2f} KiB on disk each\n",
        name, static_cast<double>(messages) / took, (cpu_seconds() - cpu) * each, inside * each,
        static_cast<double>(messages) / static_cast<double>(after.groups - before.groups),
        (static_cast<double>(after.disk_bytes) - static_cast<double>(before.disk_bytes)) /
            static_cast<double>(messages) / 1024);
  }

  void large_mailbox(Author& author, size_t messages) {
    constexpr AccountId kAccount = 1'000'000;
    accounts(kAccount, 1);
    std::vector<std::shared_ptr<const Prepared>> pool;
    for (size_t n = 0; n < 2'000; ++n) pool.push_back(prepare(plain(author, n, 1'500)));
    const auto start = Steady::now();
    for (size_t n = 0; n < messages; n += 500)
      need(store_->transact_and_wait([&](store::Transaction& t) -> Result<void> {
        for (size_t i = n; i < std::min(n + 500, messages); ++i) {
          const BodyId body = boxes_.new_body_id();
          if (const auto put = boxes_.put_body(t, body, *pool[i % pool.size()]); !put) return put;
          if (const auto filed = boxes_.file(t, kAccount, *pool[i % pool.size()], body, {}); !filed)
            return filed.error();
        }
        return {};
      }));
    fmt::print("a mailbox of {} messages, filed 500 a commit in {:.1f} s\n", messages, seconds_since(start));

    auto snapshot = store_->snapshot();
    const auto shown = [](std::string_view name, const auto& work) {
      double first = 0, best = 1e9;
      size_t found = 0;
      for (int round = 0; round < 5; ++round) {
        const double began = thread_cpu_seconds();
        found = work();
        const double took = (thread_cpu_seconds() - began) * 1000;
        if (round == 0) first = took;
        best = std::min(best, took);
      }
      fmt::print("  {:40} first {:9.3f} ms of CPU, best of 5 {:9.3f} ms  ({})\n", name, first, best, found);
    };
    shown("uids(): what SELECT reads", [&] { return boxes_.uids(*snapshot, kAccount, 1)->count(); });
    shown("list(): what LIST and STATUS read", [&] { return boxes_.list(*snapshot, kAccount)->size(); });
    shown("50 newest: rows, messages, details", [&] {
      const auto uids = boxes_.uids(*snapshot, kAccount, 1);
      size_t found = 0;
      need(boxes_.rows(*snapshot, kAccount, 1, uids->at(uids->count() - 49), UINT32_MAX, [&](const Row& row) {
        found += boxes_.message(*snapshot, kAccount, row.message)->has_value() &&
                 boxes_.details(*snapshot, kAccount, row.message)->has_value();
        return true;
      }));
      return found;
    });
    shown("all rows: FETCH 1:* (FLAGS)", [&] {
      size_t found = 0;
      need(boxes_.rows(*snapshot, kAccount, 1, 1, UINT32_MAX, [&](const Row&) { return ++found > 0; }));
      return found;
    });

    const auto searches = [&](const store::Reader& r) {
      const auto ask = [&](std::vector<Mailboxes::Term> terms) {
        return [&, terms] { return boxes_.search(r, kAccount, terms)->size(); };
      };
      const std::string text = author.english(4'000);
      const auto words = text::split(text, ' ');
      std::string rare;
      for (const std::string_view word : words)
        if (word.size() > rare.size() && text::is_alpha(word.back())) rare = word;
      shown("search: rare word", ask({{rare, Mailboxes::Term::Field::kAny, false, false}}));
      shown("search: common word in bodies", ask({{"bench", Mailboxes::Term::Field::kSubject, false, false}}));
      shown("search: prefix", ask({{"ba", Mailboxes::Term::Field::kBody, false, true}}));
      shown("search: two words and a sender", ask({{rare, Mailboxes::Term::Field::kBody, false, false},
                                                   {"writer7", Mailboxes::Term::Field::kFrom, false, false}}));
      const auto page = [&](std::string asked, bool total = false) {
        return [&, asked, total] {
          const auto query = parse_query(asked, clock_.now());
          return find_page(boxes_, r, kAccount, *query, {}, {.limit = 50, .total = total})->ids.size();
        };
      };
      const std::string common(words[0]), other(words[3]);
      shown("page of 50: rare word", page(rare));
      shown("page of 50: common word", page(common));
      shown("page of 50: word of every message", page("bench"));
      shown("page of 50: two words", page(common + " " + other));
      shown("page of 50: phrase", page('"' + common + " " + other + '"'));
      shown("page of 50: prefix", page(common.substr(0, 2) + "*"));
      shown("page of 50: from: and a word", page("from:writer7 " + common));
      shown("page of 50: in:inbox is:unread", page("in:inbox is:unread"));
      shown("page of 50: is:starred, none is", page("is:starred"));
      shown("page of 50: common word, and count all", page(common, true));
      shown("search: phrase", ask({{"bench writer 7", Mailboxes::Term::Field::kFrom, true, false}}));
    };
    // Each pair once, as people ask: words often and seldom.
    const auto pairs = [&](const store::Reader& r) {
      std::vector<double> took;
      size_t found = 0;
      for (int i = 0; i < 500; ++i) {
        const std::string text = author.english(400);
        const auto words = text::split(text, ' ');
        const auto began = Steady::now();
        const auto query = parse_query(std::string(words[1]) + " " + std::string(words[2]), clock_.now());
        found += find_page(boxes_, r, kAccount, *query, {}, {.limit = 50})->ids.size();
        took.push_back(seconds_since(began) * 1000);
      }
      std::sort(took.begin(), took.end());
      fmt::print("  {:40} median {:8.3f} ms, p99 {:9.3f} ms, most {:9.3f} ms  ({} found)\n",
                 "page of 50: 500 pairs of words", took[250], took[495], took.back(), found);
    };
    fmt::print("  nothing folded (a server folds after 500):\n");
    searches(*snapshot);
    snapshot.reset();
    const auto began = Steady::now();
    const double cpu = cpu_seconds();
    size_t folded = 0;
    for (size_t some = 1; some > 0; folded += some) some = *boxes_.fold(kAccount);
    fmt::print("  fold(): {} word lists in {:.1f} s, {:.0f} us CPU a message with all merges; resident {:.0f} MiB\n",
               folded, seconds_since(began), (cpu_seconds() - cpu) / static_cast<double>(folded) * 1e6, resident_mib());
    const auto fresh = store_->snapshot();
    searches(*fresh);
    pairs(*fresh);
  }

  static void need(const Result<void>& done) {
    if (done) return;
    fmt::print(stderr, "failed: {}\n", done.error().message);
    std::exit(1);
  }

 private:
  SystemClock clock_;
  std::unique_ptr<store::Store> store_;
  Mailboxes boxes_;
};

}  // namespace

int run(size_t messages) {
  const std::string folder = "/var/tmp/pabal-mailbox-bench." + std::to_string(getpid());
  {
    Author author(1);
    bench_prepare(author);
    std::vector<std::shared_ptr<const Prepared>> pool;
    for (size_t n = 0; n < 1'000; ++n) pool.push_back(prepare(plain(author, n)));
    Bench bench(folder);
    bench.accounts(1, 1'001);
    fmt::print("durable deliveries of prepared 8 KiB messages, {} at a time\n", kSessions);
    bench.deliver("  into one account", pool, messages / 5, 1, 1);
    bench.deliver("  into 1,000 accounts", pool, messages / 5, 2, 1'000);
    bench.large_mailbox(author, messages);
  }
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace pabal::mailbox

int main(int argc, char** argv) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  return pabal::mailbox::run(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100'000);
}
