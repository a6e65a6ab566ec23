#include "watch/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <set>

#include "base/codec.h"
#include "base/text.h"

// Keys: "Te" time:u64 sequence:u64 -> event; "Ti" hash64(word):u64 time:u64 sequence:u64 -> nothing. Words are the id, the
// message-id, the addresses and their domains, in lower case.
namespace pabal::watch {
namespace {

constexpr uint8_t kVersion = 1;

std::string word_of(std::string_view text) {
  std::string word = text::lowered(text::trim(text));
  if (word.size() > 2 && word.front() == '<' && word.back() == '>') word = word.substr(1, word.size() - 2);
  return word;
}

std::set<std::string> words_of(const Event& event) {
  std::set<std::string> words;
  for (const std::string* text : {&event.id, &event.message_id, &event.reverse_path, &event.recipient}) {
    const std::string word = word_of(*text);
    if (word.empty()) continue;
    words.insert(word);
    if (const size_t at = word.rfind('@'); (text == &event.reverse_path || text == &event.recipient) && at != word.npos)
      words.insert(word.substr(at + 1));
  }
  return words;
}

std::string encode(const Event& e) {
  return Encoder().u8(kVersion).u64(static_cast<uint64_t>(to_micros(e.at))).string(e.id).string(e.message_id).string(e.station)
      .string(e.action).string(e.reverse_path).string(e.recipient).string(e.peer).string(e.tls).string(e.reason).take();
}

std::optional<Event> decode(std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  Event e;
  e.at = from_micros(static_cast<int64_t>(in.u64()));
  for (std::string* field : {&e.id, &e.message_id, &e.station, &e.action, &e.reverse_path, &e.recipient, &e.peer, &e.tls, &e.reason})
    *field = in.string();
  if (!in.ok()) return {};
  return e;
}

// Adds the keys of the events that name `word`.
Result<void> collect(const store::Reader& r, const std::string& word, size_t limit, std::set<std::string>& keys) {
  store::Range range = store::Range::prefix(Encoder().raw("Ti").u64(hash64(word)).take());
  range.limit = limit;
  range.reverse = true;  // the newest, when there are more
  return r.scan(range, [&](std::string_view key, std::string_view) {
    keys.insert("Te" + std::string(key.substr(10)));
    return keys.size() < limit;
  });
}

// Cut to what a sane header or reply has, so that hostile ones do not fill the store.
std::string bounded(const std::string& text) { return text.size() <= 500 ? text : text.substr(0, 500); }

std::string time_text(Time t) {
  const std::string full = to_rfc3339(t);
  return full.substr(11, 12);
}

}  // namespace

void Trace::record(store::Transaction& t, const Event& given) const {
  static std::atomic<uint64_t> sequence{0};
  Event event = given;
  for (std::string* field : {&event.message_id, &event.reverse_path, &event.recipient, &event.peer, &event.reason}) *field = bounded(*field);
  const std::string order = Encoder().u64(static_cast<uint64_t>(to_micros(event.at))).u64(++sequence).take();
  const Time expires = event.at + keep_;
  t.put_until("Te" + order, encode(event), expires);
  for (const std::string& word : words_of(event))
    t.put_until(Encoder().raw("Ti").u64(hash64(word)).raw(order).take(), "", expires);
}

void Trace::record_later(Event event) const {
  store_.transact([this, event = std::move(event)](store::Transaction& t) -> Result<void> {
    record(t, event);
    return {};
  }, [](Result<void>) {});
}

Result<std::vector<Event>> Trace::find(const store::Reader& r, std::string_view query, size_t limit) const {
  const std::string word = word_of(query);
  std::set<std::string> keys;
  if (const auto done = collect(r, word, limit, keys); !done) return done.error();
  const auto read = [&](std::vector<Event>& events) -> Result<void> {
    for (const std::string& key : keys) {
      const auto record = r.get(key);
      if (!record) return record.error();
      if (auto event = *record ? decode(**record) : std::nullopt) events.push_back(std::move(*event));
    }
    return {};
  };
  std::vector<Event> events;
  if (const auto done = read(events); !done) return done.error();
  // An id or message-id brings the whole story: events of the same message under its other names.
  std::set<std::string> joined;
  for (const Event& e : events) {
    if (word_of(e.id) != word && word_of(e.message_id) != word) continue;
    for (const std::string* name : {&e.id, &e.message_id})
      if (!name->empty() && word_of(*name) != word) joined.insert(word_of(*name));
  }
  if (!joined.empty()) {
    for (const std::string& other : joined)
      if (const auto done = collect(r, other, limit, keys); !done) return done.error();
    events.clear();
    if (const auto done = read(events); !done) return done.error();
  }
  return events;  // keys are in the order of time
}

std::string to_text(const std::vector<Event>& events) {
  std::string out, heading;
  for (const Event& e : events) {
    const std::string title = (e.message_id.empty() ? std::string("(no message-id)") : text::printable(e.message_id)) + "  " + to_rfc3339(e.at).substr(0, 10);
    if (title != heading) out += (heading.empty() ? "" : "\n") + title + "\n";
    heading = title;
    std::string about = e.recipient.empty() ? "from <" + e.reverse_path + ">" : e.recipient;
    out += fmt::format("  {}  {:<10} {:<10} {}\n", time_text(e.at), e.station, e.action, text::printable(about));
    std::vector<std::string> details;
    if (!e.peer.empty()) details.push_back(text::printable(e.peer));
    if (!e.tls.empty()) details.push_back(text::printable(e.tls));
    if (!e.reason.empty()) details.push_back(text::printable(e.reason, 400));
    if (!e.id.empty()) details.push_back("id " + e.id);
    if (!details.empty()) out += "                " + text::join(details, "; ") + "\n";
  }
  return out;
}

std::string to_json(const std::vector<Event>& events) {
  boost::json::array list;
  for (const Event& e : events) {
    // Replies of other servers may hold anything; JSON holds UTF-8.
    const auto utf8 = [](const std::string& s) { return text::is_utf8(s) ? s : text::printable(text::hex(s)); };
    list.push_back(boost::json::object{{"at", to_rfc3339(e.at)}, {"id", utf8(e.id)}, {"messageId", utf8(e.message_id)},
                                       {"station", e.station}, {"action", e.action}, {"reversePath", utf8(e.reverse_path)},
                                       {"recipient", utf8(e.recipient)}, {"peer", utf8(e.peer)}, {"tls", e.tls}, {"reason", utf8(e.reason)}});
  }
  return boost::json::serialize(list);
}

}  // namespace pabal::watch
