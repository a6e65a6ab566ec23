// A query (query.h) asked of one message that has just come and lies in no mailbox yet: what a filter asks. It finds
// what a search would find later, by the same words.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailbox/query.h"

namespace pabal::mailbox {

// What of a query has no answer when a message comes: it has no labels and no flags yet. Empty: all has one.
std::string not_at_arrival(const Query& query);

class Arriving {
 public:
  // `prepared` outlives it. `me`: addresses that from:me and to:me mean. `address`: whom it is delivered to.
  Arriving(const Prepared& prepared, Time now, std::vector<std::string> me, std::string address)
      : prepared_(prepared), now_(now), me_(std::move(me)), address_(std::move(address)) {}

  // Labels and flags: false.
  bool holds(const Query& query);

 private:
  void read();
  bool has_words(const Query& query);
  bool in_header(std::string_view field, std::string_view text) const;

  const Prepared& prepared_;
  const Time now_;
  const std::vector<std::string> me_;
  const std::string address_;
  std::optional<std::string> list_;                                       // the words, once they are needed
  std::map<std::string_view, std::vector<uint32_t>, std::less<>> words_;  // field and word: its places
};

}  // namespace pabal::mailbox
