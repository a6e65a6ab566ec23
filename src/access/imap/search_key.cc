#include "access/imap/search_key.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "access/imap/labels.h"
#include "access/imap/limits.h"
#include "base/text.h"
#include "message/words.h"

namespace pabal::access::imap {
namespace {

using Op = SearchKey::Op;
using When = SearchKey::When;
constexpr int kHighestCost = 3;

class Parser {
 public:
  Parser(Words& words, std::string charset) : words_(words), charset_(std::move(charset)) {}

  // One or more keys: all must hold.
  SearchKey keys(size_t depth) {
    SearchKey all;
    all.op = Op::kAnd;
    do all.children.push_back(key(depth));
    while (words_.ok() && words_.accept(' '));
    std::array<std::vector<SearchKey>, kHighestCost + 1> by_cost;
    for (SearchKey& one : all.children) by_cost[static_cast<size_t>(cost(one))].push_back(std::move(one));
    all.children.clear();
    for (auto& some : by_cost) std::move(some.begin(), some.end(), std::back_inserter(all.children));
    return all;
  }

 private:
  SearchKey key(size_t depth) {
    if (depth > kMaxDepth || ++count_ > kMaxSearchKeys) return words_.fail(), SearchKey();
    if (words_.accept('(')) {
      SearchKey all = keys(depth + 1);
      words_.expect(')');
      return all;
    }
    if (const char c = words_.peek(); text::is_digit(c) || c == '*' || c == '$') return set(Op::kSequence);
    return named(words_.name(), depth);
  }

  SearchKey named(const std::string& name, size_t depth) {
    struct FlagName {
      std::string_view name;
      uint8_t flag;
    };
    constexpr FlagName kFlags[] = {{"SEEN", mailbox::kSeen},
                                   {"ANSWERED", mailbox::kAnswered},
                                   {"FLAGGED", mailbox::kFlagged},
                                   {"DELETED", mailbox::kDeleted},
                                   {"DRAFT", mailbox::kDraft}};
    for (const FlagName& known : kFlags) {
      if (name == known.name) return flag(known.flag);
      if (name.starts_with("UN") && name.substr(2) == known.name) return negated(flag(known.flag));
    }
    struct DateName {
      std::string_view name;
      Op op;
      When when;
    };
    constexpr DateName kDates[] = {{"BEFORE", Op::kInternal, When::kBefore},   {"ON", Op::kInternal, When::kOn},
                                   {"SINCE", Op::kInternal, When::kSince},     {"SENTBEFORE", Op::kSent, When::kBefore},
                                   {"SENTON", Op::kSent, When::kOn},           {"SENTSINCE", Op::kSent, When::kSince},
                                   {"SAVEDBEFORE", Op::kSaved, When::kBefore}, {"SAVEDON", Op::kSaved, When::kOn},
                                   {"SAVEDSINCE", Op::kSaved, When::kSince}};
    for (const DateName& known : kDates)
      if (name == known.name) return date(known.op, known.when);

    // RFC 9051 has no \Recent, and here no message is: OLD is all, NEW and RECENT are none.
    if (name == "ALL" || name == "OLD") return SearchKey();
    if (name == "SAVEDATESUPPORTED") return SearchKey();  // RFC 8514 §4.3: by every mailbox
    if (name == "NEW" || name == "RECENT") return negated(SearchKey());
    if (name == "KEYWORD") return keyword();
    if (name == "UNKEYWORD") return negated(keyword());
    if (name == "FROM" || name == "TO" || name == "CC" || name == "BCC") return string(Op::kAddress, name);
    if (name == "SUBJECT") return string(Op::kSubject);
    if (name == "EMAILID") return string(Op::kEmail);
    if (name == "THREADID") return string(Op::kThread);
    if (name == "MODSEQ") return modseq();
    if (name == "BODY") return string(Op::kBody);
    if (name == "TEXT") return string(Op::kText);
    if (name == "HEADER") {
      words_.space();
      const std::string field = words_.astring();
      return string(Op::kHeader, field);
    }
    if (name == "LARGER" || name == "SMALLER") return number(name == "LARGER" ? Op::kLarger : Op::kSmaller);
    if (name == "OLDER" || name == "YOUNGER") return interval(name == "OLDER" ? Op::kOlder : Op::kYounger);
    // Google's "IMAP Extensions", "Extension of the SEARCH command"
    if (name == "X-GM-RAW") return string(Op::kGmRaw);
    if (name == "X-GM-LABELS") return label();
    if (name == "X-GM-MSGID") return number(Op::kGmMessage);
    if (name == "X-GM-THRID") return number(Op::kGmThread);
    if (name == "UID") {
      words_.space();
      return set(Op::kUid);
    }
    if (name == "NOT") {
      words_.space();
      return negated(key(depth + 1));
    }
    if (name == "OR") {
      SearchKey either;
      either.op = Op::kOr;
      for (int i = 0; i < 2; ++i) {
        words_.space();
        either.children.push_back(key(depth + 1));
      }
      return either;
    }
    words_.fail();
    return SearchKey();
  }

  static SearchKey negated(SearchKey key) {
    SearchKey out;
    out.op = Op::kNot;
    out.children.push_back(std::move(key));
    return out;
  }
  static SearchKey flag(uint8_t bit) {
    SearchKey key;
    key.op = Op::kFlag;
    key.flag = bit;
    return key;
  }
  SearchKey keyword() {
    SearchKey key;
    words_.space();
    key.op = Op::kKeyword;
    key.text = words_.atom();
    return key;
  }
  SearchKey set(Op op) {
    SearchKey key;
    const auto parsed = parse_set(words_.set());
    if (!parsed) return words_.fail(), key;
    key.op = op;
    key.set = *parsed;
    return key;
  }
  SearchKey string(Op op, std::string name = {}) {
    SearchKey key;
    words_.space();
    key.op = op;
    key.name = std::move(name);
    key.text = message::to_utf8(words_.astring(), charset_);
    return key;
  }
  SearchKey number(Op op) {
    SearchKey key;
    words_.space();
    key.op = op;
    key.number = words_.number64();
    return key;
  }
  SearchKey label() {
    SearchKey key;
    words_.space();
    key.op = Op::kGmLabel;
    key.text = parse_label(words_);
    return key;
  }
  // RFC 5032 §3: nz-number seconds
  SearchKey interval(Op op) {
    SearchKey key;
    words_.space();
    key.op = op;
    key.number = words_.number();
    if (key.number == 0) words_.fail();
    return key;
  }
  // RFC 7162 §3.1.5: a message has one modification sequence, so the name and type of an entry narrow nothing.
  SearchKey modseq() {
    SearchKey key;
    words_.space();
    if (words_.peek() == '"') {
      if (!text::istarts_with(words_.astring(), "/flags/")) words_.fail();
      words_.space();
      if (!words_.accept_word("priv") && !words_.accept_word("shared") && !words_.accept_word("all")) words_.fail();
      words_.space();
    }
    key.op = Op::kModSeq;
    key.number = words_.number64();
    return key;
  }
  SearchKey date(Op op, When when) {
    SearchKey key;
    words_.space();
    const auto day = parse_day(words_.astring());
    if (!day) return words_.fail(), key;
    key.op = op;
    key.when = when;
    key.day = *day;
    return key;
  }

  Words& words_;
  const std::string charset_;
  size_t count_ = 0;
};

bool parse_return(Words& words, SearchRequest& request) {
  request.returns = true;
  words.space();
  words.expect('(');
  if (!words.accept(')')) {
    do {
      const std::string option = words.name();
      if (option == "MIN")
        request.min = true;
      else if (option == "MAX")
        request.max = true;
      else if (option == "ALL")
        request.all = true;
      else if (option == "COUNT")
        request.count = true;
      else if (option == "SAVE")
        request.save = true;
      else if (option == "UPDATE") {
        request.update = true;
        Words ahead = words;
        if (!ahead.accept(' ') || ahead.peek() != '(') continue;
        words = ahead;
        request.of_new = parse_fetch_list(words);
        if (!request.of_new) words.fail();
      } else if (option == "PARTIAL" && !request.partial)
        words.space(), request.partial = parse_partial(words);
      else if (option == "CONTEXT")
        continue;
      else
        words.fail();
    } while (words.ok() && words.accept(' '));
    words.expect(')');
  }
  words.space();
  // RFC 4731 §3.1: RETURN () means ALL. RFC 9394 §3.1: PARTIAL or ALL.
  const bool any = request.min || request.max || request.count || request.save || request.partial || request.update;
  if (request.partial && request.all) return false;
  request.all = request.all || !any;
  return words.ok();
}

}  // namespace

bool asks_modseq(const SearchKey& key) {
  return key.op == Op::kModSeq || std::any_of(key.children.begin(), key.children.end(), asks_modseq);
}

bool names_numbers(const SearchKey& key) {
  return (key.op == Op::kSequence && !key.set.saved) ||
         std::any_of(key.children.begin(), key.children.end(), names_numbers);
}

int cost(const SearchKey& key) {
  int highest = 0;
  for (const SearchKey& child : key.children) highest = std::max(highest, cost(child));
  if (!key.children.empty()) return highest;
  if (key.op <= Op::kKeyword) return 0;
  if (key.op <= Op::kSmaller) return 1;
  if (key.op <= Op::kAddress) return 2;
  return kHighestCost;
}

SearchParse parse_search(Words& words, Searching kind) {
  SearchParse out;
  SearchRequest request;
  if (kind == Searching::kThread || !words.accept_word("RETURN"))
    request.all = true;
  else if (!parse_return(words, request))
    return out;
  if (kind == Searching::kSort) {
    auto keys = parse_sort_keys(words);
    if (!keys) return out;
    request.sort = std::move(*keys);
    words.space();
  } else if (kind == Searching::kThread) {
    const std::string algorithm = words.name();
    if (algorithm != "REFERENCES" && algorithm != "ORDEREDSUBJECT") return out;
    request.references = algorithm == "REFERENCES";
    words.space();
  }
  std::string charset = "UTF-8";
  // RFC 5256 §5: of SORT and THREAD it is an argument, of SEARCH an option.
  if (kind != Searching::kSearch || words.accept_word("CHARSET")) {
    if (kind == Searching::kSearch) words.space();
    charset = words.astring();
    words.space();
    request.has_charset = kind == Searching::kSearch;
    if (words.ok() && !message::knows_charset(charset)) {
      out.bad_charset = true;
      return out;
    }
  }
  request.key = Parser(words, charset).keys(0);
  if (words.done()) out.request = std::move(request);
  return out;
}

std::string search_answer(const SearchRequest& request, const std::string& tag, bool uid, bool extended,
                          const std::vector<Target>& found) {
  std::vector<uint32_t> numbers;
  numbers.reserve(found.size());
  for (const Target& t : found) numbers.push_back(uid ? t.uid : t.sequence);
  const auto highest = [](const std::vector<Target>& of) {
    mailbox::ModSeq out = 0;
    for (const Target& t : of) out = std::max(out, t.modseq);
    return std::to_string(out);
  };
  const bool modseq = !found.empty() && asks_modseq(request.key);
  std::string out;
  if (!extended) {
    out = request.sort.empty() ? "* SEARCH" : "* SORT";
    for (const uint32_t n : numbers) (out += ' ') += std::to_string(n);
    if (modseq) out += " (MODSEQ " + highest(found) + ")";
    return out + "\r\n";
  }
  const bool says = request.min || request.max || request.all || request.count || request.partial || request.update;
  if (!says) return out;  // SAVE alone
  out = "* ESEARCH (TAG " + quote(tag) + ")" + (uid ? " UID" : "");
  if (!numbers.empty()) {
    if (request.min) out += " MIN " + std::to_string(numbers.front());
    if (request.max) out += " MAX " + std::to_string(numbers.back());
    if (request.all) out += " ALL " + set_text(numbers);
  }
  if (request.partial) {
    const std::vector<uint32_t> part = request.partial->of(numbers);
    out += " PARTIAL (" + request.partial->text + " " + (part.empty() ? "NIL" : set_text(part)) + ")";
  }
  if (request.count) out += " COUNT " + std::to_string(numbers.size());
  // RFC 4731 §3.2: of the messages that MIN and MAX name where nothing else is asked for.
  if (modseq) out += " MODSEQ " + highest(saved_targets(request, found));
  return out + "\r\n";
}

std::vector<Target> saved_targets(const SearchRequest& request, const std::vector<Target>& found) {
  if (request.all || request.count || (!request.min && !request.max && !request.partial) || found.empty()) return found;
  std::vector<Target> out;
  if (request.partial) out = request.partial->of(found);
  if (request.min) out.push_back(found.front());
  if (request.max) out.push_back(found.back());
  return out;
}

}  // namespace pabal::access::imap
