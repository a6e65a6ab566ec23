// The order of Email/query (RFC 8621 §4.4.2).
#pragma once

#include "jmap/email_filter.h"

namespace pabal::jmap {

// An email that was found, with what it is sorted by.
struct Hit {
  mailbox::MessageId id = 0;
  mailbox::ThreadId thread = 0;
  Time received{};
  uint64_t size = 0;
  uint32_t keywords = 0;             // bits: of the comparators by keyword, which hold
  std::optional<Time> sent{};        // of the header
  std::vector<std::string> texts{};  // of the comparators by text, in their order
};

class EmailSort {
 public:
  static const std::set<std::string>& properties();  // what can be sorted by
  static Or<EmailSort> read(const std::vector<Comparator>& comparators);
  void want(ThreadKeywords& threads) const;
  bool uses_threads() const;
  Hit hit(const mailbox::Overview::Line& line, const ThreadKeywords& threads) const;
  // Reads the header fields that it needs of them, and puts them in order. Equal ones stand as they came, the last
  // first or, where all is sorted ascending, the first.
  Result<void> sort(Call& call, std::vector<Hit>& hits) const;
  // Whether an email may stand elsewhere among others than at that moment.
  bool may_move(const Moment& then, const mailbox::Overview::Line& now) const;

 private:
  struct By {
    enum class What : uint8_t {
      kReceived,
      kSent,
      kSize,
      kId,
      kFrom,
      kTo,
      kSubject,
      kKeyword,
      kAllInThread,
      kSomeInThread
    };
    What what = What::kReceived;
    bool ascending = true;
    std::string collation{};
    Keyword keyword{};
    bool is_text() const { return what == What::kFrom || what == What::kTo || what == What::kSubject; }
  };
  bool is_before(const Hit& a, const Hit& b) const;

  std::vector<By> by_;
};

}  // namespace pabal::jmap
