#include "jmap/email_sort.h"

#include <algorithm>

#include "base/text.h"
#include "jmap/jmap.h"
#include "message/casemap.h"

namespace pabal::jmap {
namespace {

using mailbox::Overview;

// Of the first address: its name, else the address.
std::string person(const std::vector<message::AddressItem>& list) {
  for (const message::AddressItem& one : list) {
    if (one.kind != message::AddressItem::kMailbox) continue;
    std::string name = one.display_text();
    return name.empty() ? one.address() : name;
  }
  return "";
}

std::string collated(std::string text, const std::string& collation) {
  if (collation == "i;octet") return text;
  if (collation == "i;ascii-casemap") return text::uppered(text);
  return message::casemap(text);
}

template <typename T>
int compared(const T& a, const T& b) {
  return a < b ? -1 : b < a;
}

}  // namespace

const std::set<std::string>& EmailSort::properties() {
  static const std::set<std::string> kAll = {"receivedAt",
                                             "sentAt",
                                             "size",
                                             "id",
                                             "from",
                                             "to",
                                             "subject",
                                             "hasKeyword",
                                             "allInThreadHaveKeyword",
                                             "someInThreadHaveKeyword"};
  return kAll;
}

Or<EmailSort> EmailSort::read(const std::vector<Comparator>& comparators) {
  using What = By::What;
  static const std::map<std::string_view, What> kNames = {{"receivedAt", What::kReceived},
                                                          {"sentAt", What::kSent},
                                                          {"size", What::kSize},
                                                          {"id", What::kId},
                                                          {"from", What::kFrom},
                                                          {"to", What::kTo},
                                                          {"subject", What::kSubject},
                                                          {"hasKeyword", What::kKeyword},
                                                          {"allInThreadHaveKeyword", What::kAllInThread},
                                                          {"someInThreadHaveKeyword", What::kSomeInThread}};
  EmailSort out;
  for (const Comparator& one : comparators) {
    By by;
    by.what = kNames.at(one.property);
    by.ascending = one.ascending;
    by.collation = one.collation;
    if (by.what >= What::kKeyword) {
      const auto given = Fields(one.more).string("keyword");
      const auto keyword = given ? keyword_of(*given) : std::nullopt;
      if (!keyword) return invalid_arguments("to sort by " + one.property + ", a Comparator has a keyword");
      by.keyword = *keyword;
    }
    out.by_.push_back(std::move(by));
  }
  return out;
}

void EmailSort::want(ThreadKeywords& threads) const {
  for (const By& by : by_)
    if (by.what == By::What::kAllInThread || by.what == By::What::kSomeInThread) threads.want(by.keyword);
}

bool EmailSort::uses_threads() const {
  return std::any_of(by_.begin(), by_.end(), [](const By& by) { return by.what > By::What::kKeyword; });
}

Hit EmailSort::hit(const Overview::Line& line, const ThreadKeywords& threads) const {
  Hit out{line.id, line.thread, line.received, line.size};
  for (size_t i = 0; i < by_.size(); ++i) {
    const By& by = by_[i];
    const bool on = by.what == By::What::kKeyword ? by.keyword.is_on(line)
                    : by.what == By::What::kAllInThread
                        ? threads.all(line.thread, by.keyword)
                        : by.what == By::What::kSomeInThread && threads.some(line.thread, by.keyword);
    if (on) out.keywords |= uint32_t{1} << i;
  }
  return out;
}

bool EmailSort::may_move(const Moment& then, const Overview::Line& now) const {
  return std::any_of(by_.begin(), by_.end(), [&](const By& by) {
    if (by.what < By::What::kKeyword) return false;
    if (by.what > By::What::kKeyword) return !then.knows_thread;
    return !then.knows(by.keyword) || by.keyword.is_on(then.line) != by.keyword.is_on(now);
  });
}

bool EmailSort::is_before(const Hit& a, const Hit& b) const {
  size_t text = 0;
  for (size_t i = 0; i < by_.size(); ++i) {
    const By& by = by_[i];
    int order = 0;
    switch (by.what) {
      case By::What::kReceived:
        order = compared(a.received, b.received);
        break;
      case By::What::kSent:
        order = compared(a.sent, b.sent);
        break;
      case By::What::kSize:
        order = compared(a.size, b.size);
        break;
      case By::What::kId:
        order = compared(a.id, b.id);
        break;
      case By::What::kFrom:
      case By::What::kTo:
      case By::What::kSubject:
        order = a.texts[text].compare(b.texts[text]);
        ++text;
        break;
      case By::What::kKeyword:
      case By::What::kAllInThread:
      case By::What::kSomeInThread:
        order = compared(a.keywords >> i & 1, b.keywords >> i & 1);
        break;
    }
    if (order != 0) return by.ascending ? order < 0 : order > 0;
  }
  if (by_.empty() && a.received != b.received) return a.received > b.received;
  const bool ascending = !by_.empty() && std::all_of(by_.begin(), by_.end(), [](const By& by) { return by.ascending; });
  return ascending ? a.id < b.id : a.id > b.id;
}

Result<void> EmailSort::sort(Call& call, std::vector<Hit>& hits) const {
  const bool reads =
      std::any_of(by_.begin(), by_.end(), [](const By& by) { return by.is_text() || by.what == By::What::kSent; });
  if (reads) {
    std::sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) { return a.id < b.id; });
    std::vector<mailbox::MessageId> ids;
    const auto texts =
        static_cast<size_t>(std::count_if(by_.begin(), by_.end(), [](const By& b) { return b.is_text(); }));
    for (Hit& hit : hits) {
      ids.push_back(hit.id);
      hit.texts.resize(texts);
    }
    auto hit = hits.begin();
    const auto read = call.services().mailboxes.each_summary(
        call.reader(), call.account().id, ids, [&](mailbox::MessageId id, message::Summary&& summary) {
          while (hit != hits.end() && hit->id < id) ++hit;
          if (hit == hits.end() || hit->id != id) return;
          hit->sent = summary.date;
          size_t text = 0;
          for (const By& by : by_) {
            if (!by.is_text()) continue;
            std::string value = by.what == By::What::kFrom ? person(summary.from)
                                : by.what == By::What::kTo ? person(summary.to)
                                                           : message::base_subject(summary.subject);
            hit->texts[text++] = collated(std::move(value), by.collation);
          }
        });
    if (!read) return read;
  }
  std::sort(hits.begin(), hits.end(), [&](const Hit& a, const Hit& b) { return is_before(a, b); });
  return {};
}

}  // namespace pabal::jmap
