// The words of one search, looked up together. In two passes: which messages have the words at all, then the positions
// of the words of phrases, in those messages alone that have all of them. Not for other rooms.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "mailbox/id_set.h"
#include "mailbox/segment.h"

namespace pabal::mailbox {

using Ids = std::vector<MessageId>;  // ascending, unique

enum class Match : uint8_t { kWhole, kPrefix, kSuffix, kInside };
struct Wanted {
  std::string word;
  Match match = Match::kWhole;
  uint32_t distance = 0;  // positions behind the word before it in its chain
  // Words that do as well in its place. Of `plain` ones the index keeps the form without accents (search.h).
  struct Other {
    std::string word;
    bool plain = false;
    friend bool operator==(const Other&, const Other&) = default;
  };
  std::vector<Other> others{};
};
// Words that must stand in a row in one field: a phrase, a substring, or a run of Chinese, Japanese or Korean.
using Chain = std::vector<Wanted>;

class Lookup {
 public:
  // A chain to look for in one field; gives its number.
  size_t add(char field, const Chain& chain);
  Result<void> gather(const store::Reader& r, AccountId account);
  // After gather(): no message has this id or a higher one.
  MessageId end() const { return end_; }
  // The messages where the words of a chain stand in their distances; some may have been removed.
  IdSet set(size_t chain) const;
  Ids messages(size_t chain) const { return set(chain).ids(); }

 private:
  struct Hit {
    MessageId message;
    std::vector<uint32_t> positions;  // ascending
  };
  struct Query {
    std::string key;  // field and word
    Match match;
    bool placed;              // of a chain of several words: positions count
    IdSet seen{};             // by message
    IdSet wanted{};           // of those placed: the messages that have a whole chain
    std::vector<Hit> hits{};  // of those placed: by message, when gathered
    bool is_part() const { return match == Match::kSuffix || match == Match::kInside; }
    bool wants(std::string_view word) const;
  };
  struct Asked {
    Chain chain;
    std::vector<std::vector<size_t>> queries;  // of each word: any of these
  };

  size_t query(char field, std::string_view word, Match match, bool placed);
  Result<void> pass(const store::Reader& r, AccountId account, std::vector<std::pair<MessageId, MessageId>>* copies);
  bool narrow();
  Result<void> look_into(const store::Reader& r, AccountId account, const Segment& segment);
  bool look(std::string_view word, const Posting& posting);
  void take(Query& query, const Posting& posting);
  IdSet seen(const std::vector<size_t>& any) const;
  std::vector<Hit> hits(const std::vector<size_t>& any) const;
  static void sort(std::vector<Hit>& hits);
  static void add_copies(Query& query, const std::vector<std::pair<MessageId, MessageId>>& copies);

  std::vector<Query> queries_;
  std::vector<Asked> chains_;
  std::array<std::vector<size_t>, 256> by_octet_;  // queries by the first octet of their word; of parts of words all
  std::vector<size_t> parts_;
  bool with_positions_ = false;  // the second pass
  MessageId end_ = 0;
  bool whole_ = true;
};

}  // namespace pabal::mailbox
